import {
  type CatalogDelta,
  type CatalogPart,
  type CatalogTable,
  columnSql,
  compareText,
  PROVENANCE_COLUMNS,
  quoteIdentifier,
  quoteLiteral,
  sqlType,
  type TableSchema,
} from '@hakiri/core';
import { deltaSelect } from '../delta/delta-sql.ts';
import { partsBeside } from './parts-beside.ts';

export interface ViewOptions {
  /** How a part's path is written in the statement. */
  readonly path: (relative: string) => string;
  /** Whether the `_hakiri_` columns are there. */
  readonly provenance: boolean;
  /** Whether tombstones are rows, too. */
  readonly deleted?: boolean;
  /**
   * Whether each row says where it lies: `_hakiri_file`, a path as `path` wrote it, and `_hakiri_row`, its number in
   * it from 0. Both are null for small writes.
   */
  readonly places?: boolean;
}

const PLACE_COLUMNS = ['"_hakiri_file"', '"_hakiri_row"'];

/** How files are read. */
type Reading = Pick<ViewOptions, 'path'> & { readonly places: boolean };

/** What a view is made of: files are listed, never globbed. */
export type ViewedTable = Pick<
  CatalogTable,
  'name' | 'mode' | 'primaryKey' | 'schema' | 'snapshot' | 'newer' | 'deltas'
>;

/** `CREATE VIEW` for the table as one row a key. */
export function viewStatement(table: ViewedTable, options: ViewOptions): string {
  return `CREATE OR REPLACE VIEW ${quoteIdentifier(table.name)} AS\n${viewSelect(table, options)};\n`;
}

/**
 * The table as one row a key: the row with the greatest `_hakiri_order`. Every column is cast by name, so that
 * files written under older schemas read as the newest one.
 */
export function viewSelect(
  table: ViewedTable,
  { path, provenance, deleted = false, places = false }: ViewOptions,
): string {
  const own = table.schema.columns.map(({ name }) => quoteIdentifier(name));
  const shown = [
    ...own,
    ...(provenance ? PROVENANCE_COLUMNS.map(({ name }) => quoteIdentifier(name)) : []),
    ...(places ? PLACE_COLUMNS : []),
  ];
  const list = shown.length > 0 ? shown.join(', ') : 'NULL AS "_hakiri_none"';
  const { ctes, rows } = currentRows(table, { path, places }, deleted);
  return `${ctes}SELECT ${list} FROM (\n${rows}\n)`;
}

/** The rows that count. Tombstones are left out where there can be any. */
function currentRows(table: ViewedTable, reading: Reading, deleted: boolean): { ctes: string; rows: string } {
  const { schema, snapshot } = table;
  const newer = readAll(schema, table.newer, table.deltas, reading);
  const everyRowCounts = table.mode === 'append' || table.primaryKey.length === 0;
  const { apart, beside } = everyRowCounts
    ? { apart: table.snapshot?.parts ?? [], beside: [] }
    : partsBeside(table);
  const alive = (rows: string): string =>
    deleted ? rows : `  SELECT * FROM (\n${rows}\n  ) WHERE NOT "_hakiri_deleted"`;
  const read = readAll(schema, apart, [], reading);
  const kept = read !== undefined && snapshot?.manifest.tombstones !== 0 ? alive(read) : read;
  if (newer === undefined) return { ctes: '', rows: kept ?? selectNothing(schema, reading) };
  const merged = readAll(schema, beside, [], reading);
  const contest =
    merged === undefined
      ? { ctes: '', rows: everyRowCounts ? newer : winners(newer, table) }
      : besideSnapshot(table, merged, newer);
  const others = kept === undefined ? [] : [kept];
  return { ...contest, rows: [...others, alive(contest.rows)].join('\n  UNION ALL\n') };
}

/**
 * A snapshot has one row a key already. A key that no newer run holds keeps it, unread otherwise; one that some do
 * is decided among them, and the snapshot's row only takes part where a newer row could lose to it: a run that
 * came late, or read again what was there. Inlined, so that a query reads only the columns it asks for.
 */
function besideSnapshot(table: ViewedTable, merged: string, newer: string): { ctes: string; rows: string } {
  const key = table.primaryKey.map(quoteIdentifier).join(', ');
  const greatest = lateBound(table);
  const late =
    greatest === undefined
      ? ''
      : `
    UNION ALL
    SELECT s.* FROM "_hakiri_merged" s SEMI JOIN (
      SELECT ${key} FROM "_hakiri_newer" WHERE "_hakiri_order" <= ${orderLiteral(greatest)}
    ) USING (${key})`;
  const contested = `    SELECT * FROM "_hakiri_newer"${late}`;
  return {
    ctes: `WITH "_hakiri_merged" AS NOT MATERIALIZED (
${merged}
), "_hakiri_newer" AS NOT MATERIALIZED (
${newer}
)
`,
    rows: `  SELECT s.* FROM "_hakiri_merged" s ANTI JOIN "_hakiri_newer" USING (${key})
  UNION ALL
${winners(contested, table)}`,
  };
}

/** The greatest order in the snapshot, where a newer row may be below it. */
function lateBound({ snapshot, newer, deltas }: ViewedTable): string | undefined {
  const greatest = snapshot?.manifest.greatest_order ?? undefined;
  const isPast = ({ least_order: least }: CatalogPart): boolean =>
    least !== undefined && greatest !== undefined && compareText(least, greatest) > 0;
  return deltas.length === 0 && newer.every(isPast) ? undefined : greatest;
}

function winners(rows: string, { primaryKey }: ViewedTable): string {
  const key = primaryKey.map(quoteIdentifier).join(', ');
  return `  SELECT * FROM (
${rows}
  ) QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY "_hakiri_order" DESC) = 1`;
}

/** A NUL, which ends a text in an order key, cannot stand in a statement. */
function orderLiteral(order: string): string {
  return order.split('\0').map(quoteLiteral).join(' || chr(0) || ');
}

function readAll(
  schema: TableSchema,
  parts: readonly CatalogPart[],
  deltas: readonly CatalogDelta[],
  reading: Reading,
): string | undefined {
  const sources = [
    ...partsBySchema(parts).map((group) => selectParts(schema, group.columns, group.parts, reading)),
    ...deltas.map((delta) => selectDelta(schema, delta, reading)),
  ];
  return sources.length === 0 ? undefined : sources.join('\n  UNION ALL\n');
}

function partsBySchema(parts: readonly CatalogPart[]) {
  const groups = new Map<string, { readonly columns: TableSchema; readonly parts: CatalogPart[] }>();
  for (const part of parts) {
    const group = groups.get(part.schema) ?? { columns: part.columns, parts: [] };
    group.parts.push(part);
    groups.set(part.schema, group);
  }
  return [...groups.values()];
}

function selectDelta(schema: TableSchema, delta: CatalogDelta, { path, places }: Reading): string {
  const rows = deltaSelect({ schema }, delta, path(delta.path));
  if (!places) return rows;
  return `    SELECT *, CAST(NULL AS VARCHAR) AS "_hakiri_file", CAST(NULL AS BIGINT) AS "_hakiri_row" FROM (\n${rows}\n    )`;
}

function selectParts(
  schema: TableSchema,
  held: TableSchema,
  parts: readonly CatalogPart[],
  { path, places }: Reading,
): string {
  const heldTypes = new Map(held.columns.map(({ name, type }) => [name, type]));
  const columns = schema.columns.map(
    ({ name, type }) => `${columnSql(name, heldTypes.get(name), type)} AS ${quoteIdentifier(name)}`,
  );
  const provenance = PROVENANCE_COLUMNS.map(({ name }) => quoteIdentifier(name));
  const list = [...columns, ...provenance];
  const files = parts.map((part) => quoteLiteral(path(part.path)));
  if (!places) return `    SELECT ${list.join(', ')}\n    FROM ${readParts(files)}`;
  // The engine's own column would be hidden by one of the table's.
  if (held.columns.some(({ name }) => /^file_row_number$/i.test(name))) {
    return files
      .map((file) => {
        const numbered = `SELECT *, ${file} AS "_hakiri_file", row_number() OVER () - 1 AS "_hakiri_row" FROM ${readParts([file])}`;
        return `    SELECT ${[...list, ...PLACE_COLUMNS].join(', ')}\n    FROM (${numbered})`;
      })
      .join('\n  UNION ALL\n');
  }
  const place = ['"_hakiri_file"', '"file_row_number" AS "_hakiri_row"'];
  const read = readParts(files, `, filename='_hakiri_file', file_row_number=true`);
  return `    SELECT ${[...list, ...place].join(', ')}\n    FROM ${read}`;
}

const readParts = (files: readonly string[], options = ''): string =>
  `read_parquet([${files.join(', ')}], hive_partitioning=false${options})`;

function selectNothing(schema: TableSchema, { places }: Reading): string {
  const columns = [...schema.columns, ...PROVENANCE_COLUMNS].map(
    ({ name, type }) => `CAST(NULL AS ${sqlType(type)}) AS ${quoteIdentifier(name)}`,
  );
  const place = places
    ? ['CAST(NULL AS VARCHAR) AS "_hakiri_file"', 'CAST(NULL AS BIGINT) AS "_hakiri_row"']
    : [];
  return `    SELECT ${[...columns, ...place].join(', ')} WHERE false`;
}
