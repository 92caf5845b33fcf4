import { HakiriError, quoteLiteral, type TableSchema, toHakiriError } from '@hakiri/core';
import {
  type BuildPart,
  type BuiltPart,
  type IndexBuildAnswer,
  type IndexBuildRequest,
  NOT_EMBEDDED,
} from './build-request.ts';
import { type TextSource, textSources } from './column-text.ts';
import type { Connection } from './connection.ts';
import { indexId } from './definition.ts';
import { type DocumentVectors, openDocumentVectors } from './document-vectors.ts';
import { indexBuilder, type PartBuilder, rowsBuilder } from './index-builders.ts';
import { stopsCommit } from './index-error.ts';
import { type IndexFile, ROWS_ID } from './index-manifest.ts';
import type { IndexedPart } from './indexed-table.ts';
import { type RowsToRead, readRows } from './read-rows.ts';

/** @throws HakiriError store.disk_full, store.io */
export async function indexBuildJob(
  connection: Connection,
  request: IndexBuildRequest,
): Promise<IndexBuildAnswer> {
  const vectors = openDocumentVectors(request.embeddings);
  try {
    const parts: BuiltPart[] = [];
    for (const part of request.parts) parts.push(await buildPart(connection, request, part, vectors));
    return { parts };
  } finally {
    vectors.close();
  }
}

/** Rows of a part in the order of the file, which is that of their ordinals. */
export function rowsOfPart(
  part: IndexedPart & { readonly columns: TableSchema },
  primaryKey: readonly string[],
  texts: readonly TextSource[],
): RowsToRead {
  const read = `read_parquet(${quoteLiteral(part.path)}, hive_partitioning=false`;
  // The engine's own column would be hidden by one of the part's.
  const hidden = part.columns.columns.some(({ name }) => /^file_row_number$/i.test(name));
  const numbered = `(SELECT *, row_number() OVER () - 1 AS "_hakiri_row" FROM ${read}))`;
  return {
    from: hidden ? numbered : `${read}, file_row_number=true)`,
    schema: part.columns,
    primaryKey,
    texts,
    ordinal: hidden ? '"_hakiri_row"' : '"file_row_number"',
  };
}

export async function buildPart(
  connection: Connection,
  { primaryKey, indexes }: Pick<IndexBuildRequest, 'primaryKey' | 'indexes'>,
  part: BuildPart,
  vectors: DocumentVectors,
): Promise<BuiltPart> {
  const wanted = indexes.filter((spec) => part.wants.includes(indexId(spec)));
  const built: { id: string; files: readonly IndexFile[] }[] = [];
  const behind: { id: string; code: string; message: string }[] = [];
  let building: PartBuilder[] = [];
  const leaveOut = (builder: PartBuilder, error: unknown): void => {
    builder.abandon();
    if (stopsCommit(error)) throw error;
    behind.push({ id: builder.id, ...told(error) });
  };
  try {
    if (part.wants.includes(ROWS_ID)) building.push(rowsBuilder(part, primaryKey.length > 0));
    for (const spec of wanted) building.push(indexBuilder(part, spec, wanted, vectors));
    const chunks = readRows(connection, rowsOfPart(part, primaryKey, textSources(wanted)));
    for await (const rows of chunks) {
      building = building.filter((builder) => {
        try {
          if (builder.add(rows)) return true;
          throw new HakiriError(NOT_EMBEDDED, 'Texts are not embedded yet');
        } catch (error) {
          leaveOut(builder, error);
          return false;
        }
      });
      if (building.length === 0) break;
    }
    for (const builder of building) {
      try {
        built.push({ id: builder.id, files: builder.finish() });
      } catch (error) {
        leaveOut(builder, error);
      }
    }
  } catch (error) {
    for (const builder of building) builder.abandon();
    if (stopsCommit(error)) throw error;
    // The part itself cannot be read: no index can be made of it.
    const done = new Set([...built, ...behind].map(({ id }) => id));
    behind.push(...part.wants.filter((id) => !done.has(id)).map((id) => ({ id, ...told(error) })));
  }
  return { path: part.path, rows: part.rows, built, behind };
}

/** Errors of libraries may quote a row's text: only ours are passed on. */
export function told(error: unknown): { readonly code: string; readonly message: string } {
  const { code, message } = toHakiriError(error);
  return error instanceof HakiriError ? { code, message } : { code, message: 'An unexpected error' };
}
