import type { IndexSpec, TableSchema, VectorIndexSpec } from '@hakiri/core';
import { embeddingCachePath, removeCacheFile } from '../embed/cache/cache-file.ts';
import { embeddingCaches, forgetTexts } from '../embed/cache/forget-texts.ts';
import { textHash } from '../embed/cache/vector-row.ts';
import { rowsOfPart } from './build-job.ts';
import { joinedText, placesAmong, textSources } from './column-text.ts';
import type { Connection } from './connection.ts';
import { openDocumentVectors } from './document-vectors.ts';
import type { IndexedDelta, IndexedPart } from './indexed-table.ts';
import { type ReadRow, type RowsToRead, readRows } from './read-rows.ts';

/** Where texts of a table stand. */
export interface TextSources {
  readonly parts: readonly (IndexedPart & { readonly columns: TableSchema })[];
  readonly deltas: readonly Pick<IndexedDelta, 'select'>[];
  /** Of what small writes give. */
  readonly schema: TableSchema;
}

/** Texts that a vector index needs and nobody has embedded yet, a page at a time (job `index-texts`). */
export interface MissingTextsRequest extends TextSources {
  readonly spec: VectorIndexSpec;
  readonly embeddings: string;
  readonly maxBytes: number;
  /** Where the page before ended. */
  readonly after: TextPlace | undefined;
}

export interface TextPlace {
  /** Number of the source: parts, then small writes. */
  readonly source: number;
  readonly row: number;
}

export interface MissingTextsAnswer {
  /** Each once. */
  readonly texts: readonly string[];
  /** Undefined at the end. */
  readonly next: TextPlace | undefined;
}

export async function missingTextsJob(
  connection: Connection,
  request: MissingTextsRequest,
): Promise<MissingTextsAnswer> {
  const { spec, after } = request;
  const vectors = openDocumentVectors(request.embeddings);
  const texts = new Set<string>();
  const textOf = reading(spec, [spec]);
  let bytes = 0;
  try {
    for (const [source, rows] of sourcesOf(request, [spec]).entries()) {
      if (source < (after?.source ?? 0)) continue;
      const from = source === after?.source ? after.row : 0;
      let row = 0;
      for await (const chunk of readRows(connection, rows)) {
        const wanted = chunk.map(textOf);
        const found = vectors.of(spec, wanted);
        for (const [i, text] of wanted.entries()) {
          if (row++ < from || text === undefined || texts.has(text) || found[i] !== undefined) continue;
          texts.add(text);
          bytes += text.length;
          if (bytes >= request.maxBytes) return { texts: [...texts], next: { source, row } };
        }
      }
    }
    return { texts: [...texts], next: undefined };
  } finally {
    vectors.close();
  }
}

/** Removes what is kept of texts that stand in the table no more (job `index-forget`). */
export interface ForgetTextsRequest extends TextSources {
  readonly indexes: readonly IndexSpec[];
  readonly embeddings: string;
}

/** @throws HakiriError store.erasure_incomplete, store.io, store.disk_full */
export async function forgetTextsJob(connection: Connection, request: ForgetTextsRequest): Promise<null> {
  const specs = request.indexes.filter((spec) => spec.kind === 'vector');
  const keep = new Map<string, Map<string, Uint8Array>>();
  for (const { model } of specs) keep.set(embeddingCachePath(request.embeddings, model), new Map());
  const caches = embeddingCaches(request.embeddings);
  for (const path of caches) if (!keep.has(path)) removeCacheFile(path);
  if (!caches.some((path) => keep.has(path))) return null;
  const readings = specs.map((spec) => ({
    hashes: keep.get(embeddingCachePath(request.embeddings, spec.model))!,
    textOf: reading(spec, specs),
  }));
  for (const rows of sourcesOf(request, specs)) {
    for await (const chunk of readRows(connection, rows)) {
      for (const { hashes, textOf } of readings) {
        for (const read of chunk) {
          const text = textOf(read);
          if (text === undefined) continue;
          const hash = textHash(text);
          hashes.set(Buffer.from(hash).toString('latin1'), hash);
        }
      }
    }
  }
  for (const [path, hashes] of keep) forgetTexts(path, hashes.values());
  return null;
}

function sourcesOf(
  { parts, deltas, schema }: TextSources,
  specs: readonly VectorIndexSpec[],
): readonly RowsToRead[] {
  const texts = textSources(specs);
  return [
    ...parts.map((part) => rowsOfPart(part, [], texts)),
    ...deltas.map(({ select }) => ({
      from: `(${select})`,
      schema,
      primaryKey: [],
      texts,
      orderBy: '"_hakiri_seq"',
    })),
  ];
}

/** What a spec embeds of rows that were read for all of them. */
function reading(
  spec: VectorIndexSpec,
  specs: readonly VectorIndexSpec[],
): (read: ReadRow) => string | undefined {
  const places = placesAmong(textSources(specs), spec);
  return ({ texts }) => joinedText(places.map((at) => texts[at] ?? null));
}
