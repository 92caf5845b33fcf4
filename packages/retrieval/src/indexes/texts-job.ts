import type { IndexSpec, TableSchema, VectorIndexSpec } from '@hakiri/core';
import { embeddingCachePath, removeCacheFile } from '../embed/cache/cache-file.ts';
import { embeddingCaches, forgetTexts } from '../embed/cache/forget-texts.ts';
import { textHash } from '../embed/cache/vector-row.ts';
import { rowsOfPart } from './build-job.ts';
import { joinedText } from './column-text.ts';
import type { Connection } from './connection.ts';
import { openDocumentVectors } from './document-vectors.ts';
import type { IndexedDelta, IndexedPart } from './indexed-table.ts';
import { indexedColumns } from './memory-unit.ts';
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
  let bytes = 0;
  try {
    for (const [source, rows] of sourcesOf(request, [spec]).entries()) {
      if (source < (after?.source ?? 0)) continue;
      const from = source === after?.source ? after.row : 0;
      let row = 0;
      for await (const chunk of readRows(connection, rows)) {
        const wanted = chunk.map((read) => textOf(spec, [spec], read));
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
  for (const rows of sourcesOf(request, specs)) {
    for await (const chunk of readRows(connection, rows)) {
      for (const spec of specs) {
        const hashes = keep.get(embeddingCachePath(request.embeddings, spec.model))!;
        for (const read of chunk) {
          const text = textOf(spec, specs, read);
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
  const columns = indexedColumns(specs);
  return [
    ...parts.map((part) => rowsOfPart(part, [], columns)),
    ...deltas.map(({ select }) => ({
      from: `(${select})`,
      schema,
      primaryKey: [],
      columns,
      orderBy: '"_hakiri_seq"',
    })),
  ];
}

function textOf(
  spec: VectorIndexSpec,
  specs: readonly VectorIndexSpec[],
  { texts }: ReadRow,
): string | undefined {
  const columns = indexedColumns(specs);
  return joinedText(spec.columns.map((column) => texts[columns.indexOf(column)] ?? null));
}
