import type { CatalogTable, Files } from '@hakiri/core';
import { readDelta } from '../delta/delta-file.ts';
import type { Store } from '../store.ts';

export interface SmallWritesSummary {
  readonly rows: number;
  readonly bytes: number;
  /** Of the last of them; undefined when there are none. */
  readonly lastCommit: string | undefined;
}

/** What the table has beside Parquet. The catalog knows of a file of small writes, not how far it has grown. */
export async function summarizeSmallWrites(
  { paths }: Pick<Store, 'paths'>,
  files: Files,
  { deltas }: Pick<CatalogTable, 'deltas'>,
): Promise<SmallWritesSummary> {
  const read = await Promise.all(deltas.map(({ path }) => readDelta(files, paths.absolute(path))));
  const commits = read.flatMap((delta) => delta.commits);
  return {
    rows: commits.reduce((sum, { rows }) => sum + rows.length, 0),
    bytes: read.reduce((sum, { wholeBytes }) => sum + wholeBytes, 0),
    lastCommit: commits.map(({ at }) => at).reduce<string | undefined>(later, undefined),
  };
}

function later(a: string | undefined, b: string): string {
  return a !== undefined && a > b ? a : b;
}
