import type { Embedder, VectorIndexSpec } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { documentVectors } from '../embed/document-vectors.ts';
import type { MissingTextsAnswer, MissingTextsRequest, TextSources } from './texts-job.ts';

/** Held at a time, in characters. */
const PAGE = 1_000_000;

/**
 * Embeds the texts that an index needs and the cache does not have; what was embedded stays there, whatever fails
 * later.
 * @returns how many texts there were
 * @throws HakiriError embedding.*, store.disk_full, store.io
 */
export async function embedMissing(
  engine: Pick<Engine, 'job'>,
  embedder: Embedder,
  {
    spec,
    embeddings,
    sources,
  }: {
    readonly spec: VectorIndexSpec;
    readonly embeddings: string;
    readonly sources: TextSources;
  },
  {
    lane,
    signal,
    onTexts,
  }: {
    readonly lane: 'background' | 'writer';
    readonly signal?: AbortSignal | undefined;
    readonly onTexts?: ((texts: number) => void) | undefined;
  },
): Promise<number> {
  const vectors = documentVectors(embedder, embeddings);
  let count = 0;
  try {
    let after: MissingTextsRequest['after'];
    do {
      signal?.throwIfAborted();
      const request: MissingTextsRequest = { ...sources, spec, embeddings, maxBytes: PAGE, after };
      const page: MissingTextsAnswer = await engine.job('index-texts', request, lane);
      await vectors.embed(page.texts, signal);
      count += page.texts.length;
      onTexts?.(count);
      after = page.next;
    } while (after !== undefined);
    return count;
  } finally {
    vectors.close();
  }
}
