import {
  type CatalogTable,
  type Citation,
  type Citations,
  type JsonValue,
  type RunId,
  rowAddress,
} from '@hakiri/core';

import type { Lineages, RunOrigin } from './lineage.ts';

/** A row as its citation needs it. */
export interface CitedRow {
  readonly key: readonly JsonValue[];
  readonly run: RunId;
  /** Of the incremental column; undefined where the table has none. */
  readonly incremental: JsonValue | undefined;
}

/** In a table whose rows all count, a row is found by run and sequence. */
export function keyColumns({
  mode,
  primaryKey,
}: Pick<CatalogTable, 'mode' | 'primaryKey'>): readonly string[] {
  return mode === 'append' || primaryKey.length === 0 ? ['_hakiri_run', '_hakiri_seq'] : primaryKey;
}

/** The cells of a row that tell where it comes from: key, run, sequence, incremental column. */
export function sourceOf(cells: readonly JsonValue[], table: CatalogTable): CitedRow {
  const keys = keyColumns(table).length;
  const [run, , incremental] = cells.slice(keys);
  return { key: cells.slice(0, keys), run: run as RunId, incremental: incremental ?? undefined };
}

/** Citations of some rows of one table, each row made of itself. */
export async function rowCitations(
  { lineages, project }: { readonly lineages: Lineages; readonly project: string },
  table: CatalogTable,
  sources: readonly CitedRow[],
  places: readonly number[],
): Promise<Citations> {
  const rows = places.flatMap((i) => sources[i] ?? []);
  const cited = await citeRows(lineages, project, table, rows);
  return { kind: 'rows', rows: cited.map((citation) => [citation]) };
}

/** Citations of rows of one table, in their order. */
export async function citeRows(
  lineages: Lineages,
  project: string,
  table: CatalogTable,
  rows: readonly CitedRow[],
): Promise<readonly Citation[]> {
  const runs = [...new Set(rows.map(({ run }) => run))];
  const origins = await lineages.of(table.name, runs);
  const originOf = new Map(runs.map((run, i) => [run, origins[i] as RunOrigin]));
  return rows.map(({ key, run, incremental }) => {
    const { connector, author, committedAt } = originOf.get(run) as RunOrigin;
    return {
      table: table.name,
      key,
      run,
      connector,
      author,
      sourceTime: momentOf(incremental) ?? committedAt,
      address: rowAddress(project, table.name, key),
    };
  });
}

/** A value that says when, in the one JSON form of times; anything else orders rows, but is no time. */
function momentOf(value: JsonValue | undefined): string | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d(?:[T ]|$)/.test(value)) return undefined;
  return Number.isNaN(Date.parse(value)) ? undefined : value;
}

/** A value by a path of the table: a column, or fields of structs. */
export function valueAt(values: Readonly<Record<string, JsonValue>>, path: string): JsonValue | undefined {
  if (Object.hasOwn(values, path)) return values[path];
  const [first = '', ...rest] = path.split('.');
  let value: JsonValue | undefined = values[first];
  for (const name of rest) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    value = value[name];
  }
  return value;
}
