import type { Embedder } from '@hakiri/core';
import { embeddingCachePath } from './cache/cache-file.ts';
import { openEmbeddingCache } from './cache/embedding-cache.ts';

/** Vectors of a table's texts. */
export interface DocumentVectors {
  embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly Float32Array[]>;
  close(): void;
}

/**
 * Through the table's cache; straight for the built-in model, which is faster than a disk and leaves nothing behind
 * that would have to be forgotten. `cacheFolder` is that of `embeddingCacheFolder`. The embedder stays open.
 */
export function documentVectors(embedder: Embedder, cacheFolder: string): DocumentVectors {
  if (embedder.model.kind === 'lexical') {
    return {
      embed: (texts, signal) =>
        embedder.embed(
          texts,
          signal === undefined ? { purpose: 'document' } : { purpose: 'document', signal },
        ),
      close: () => {},
    };
  }
  return openEmbeddingCache(embeddingCachePath(cacheFolder, embedder.model.id), embedder);
}
