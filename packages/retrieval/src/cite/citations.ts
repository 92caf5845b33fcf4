import type { SeenTable } from '@hakiri/access';
import {
  type CatalogTable,
  type Citation,
  type Citations,
  type JsonValue,
  type RunId,
  rowAddress,
} from '@hakiri/core';

import type { Lineages, RunOrigin } from './lineage.ts';
import type { RowNames } from './row-names.ts';

/** A row as its citation needs it. */
export interface CitedRow {
  /** As the store knows it. */
  readonly key: readonly JsonValue[];
  readonly run: RunId;
  /** Of the incremental column; undefined where the table has none. */
  readonly incremental: JsonValue | undefined;
  /** How the row is told to others, where that is not by its key. */
  readonly told?: ToldKey;
}

export interface ToldKey {
  readonly key: readonly JsonValue[];
  /** Whether it tells this row from all others. */
  readonly isName: boolean;
}

/** Whether rows are told by a primary key. */
export function isKeyed({ mode, primaryKey }: Pick<CatalogTable, 'mode' | 'primaryKey'>): boolean {
  return mode !== 'append' && primaryKey.length > 0;
}

/** In a table whose rows all count, a row is found by run and sequence. */
export function keyColumns(table: Pick<CatalogTable, 'mode' | 'primaryKey'>): readonly string[] {
  return isKeyed(table) ? table.primaryKey : ['_hakiri_run', '_hakiri_seq'];
}

/** Key columns that are not served as they are, but served: behind the key itself, they tell how it is told. */
export function renamedKeyColumns(table: CatalogTable, seen: SeenTable): readonly string[] {
  if (seen.isWhole || seen.key === 'clear' || !isKeyed(table)) return [];
  const served = new Set(seen.schema.columns.map(({ name }) => name));
  return table.primaryKey.filter((name) => served.has(name));
}

/**
 * How a row is told where not all of the table is seen; undefined: by its key.
 * @param renamed values of `renamedKeyColumns`
 */
export function toldKey(
  { table, seen }: { readonly table: CatalogTable; readonly seen: SeenTable },
  { run, seq }: { readonly run: string; readonly seq: number },
  renamed: readonly JsonValue[],
  names: RowNames | undefined,
): ToldKey | undefined {
  if (seen.isWhole) return undefined;
  if (!isKeyed(table)) {
    // The sequence would count the rows that are not seen.
    return names === undefined ? { key: [], isName: false } : { key: [names.of(run, seq)], isName: true };
  }
  if (seen.key === 'clear') return undefined;
  const values = new Map(renamedKeyColumns(table, seen).map((name, i) => [name, renamed[i] ?? null]));
  return { key: table.primaryKey.map((name) => values.get(name) ?? null), isName: seen.key === 'renamed' };
}

/** The cells of a row that tell where it comes from: key, run, sequence, incremental column, renamed key. */
export function sourceOf(
  cells: readonly JsonValue[],
  served: { readonly table: CatalogTable; readonly seen: SeenTable },
  names: RowNames | undefined,
): CitedRow {
  const keys = keyColumns(served.table).length;
  const [run, seq, incremental, ...renamed] = cells.slice(keys);
  const told = toldKey(served, { run: String(run), seq: Number(seq) }, renamed, names);
  return {
    key: cells.slice(0, keys),
    run: run as RunId,
    incremental: incremental ?? undefined,
    ...(told === undefined ? {} : { told }),
  };
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
  return rows.map(({ key, run, incremental, told = { key, isName: true } }) => {
    const { connector, author, committedAt } = originOf.get(run) as RunOrigin;
    return {
      table: table.name,
      key: told.key,
      run,
      connector,
      author,
      sourceTime: momentOf(incremental) ?? committedAt,
      ...(told.isName ? { address: rowAddress(project, table.name, told.key) } : {}),
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
