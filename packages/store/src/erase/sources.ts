import {
  type CatalogDelta,
  type CatalogTable,
  columnSql,
  findColumn,
  type LogicalType,
  type PartEntry,
  quoteIdentifier,
  quoteLiteral,
  type TableSchema,
} from '@hakiri/core';
import { deltaSelect } from '../delta/delta-sql.ts';
import type { StoreContext } from '../store-context.ts';

/** What deciding about a table's rows needs to know of it. */
export type TableFacts = Pick<
  CatalogTable,
  'name' | 'mode' | 'primaryKey' | 'incremental' | 'subjectColumns' | 'schema'
>;

/** A file that holds rows. */
export interface Source {
  /** Relative. */
  readonly path: string;
  /** What stands behind FROM. */
  readonly from: string;
  /** Its own columns; the provenance columns are there, too. */
  readonly held: TableSchema;
  /** Of Parquet. */
  readonly part: PartEntry | undefined;
}

export function partSource(
  { paths }: Pick<StoreContext, 'paths'>,
  part: PartEntry,
  columns: TableSchema,
): Source {
  // A folder's name may read `column=value`: what counts is what the file says.
  const from = `read_parquet(${quoteLiteral(paths.absolute(part.path))}, file_row_number = true, hive_partitioning = false)`;
  return { path: part.path, from, held: columns, part };
}

export function deltaSource(
  { paths }: Pick<StoreContext, 'paths'>,
  { run, path, columns }: CatalogDelta,
): Source {
  const held = { columns: columns.columns.filter(({ type }) => type.kind !== 'undecided') };
  const select = deltaSelect({ schema: held }, { run, path, columns: held }, paths.absolute(path));
  return { path, from: `(\n${select}\n)`, held, part: undefined };
}

/** Rows asked about at once: what comes back is held in memory. */
const BATCH_ROWS = 100_000;

/** Conditions that cut a source into batches. */
export function batches({ part }: Source): readonly string[] {
  if (part === undefined || part.rows <= BATCH_ROWS) return ['true'];
  return Array.from({ length: Math.ceil(part.rows / BATCH_ROWS) }, (_, i) => {
    const first = i * BATCH_ROWS;
    return `"file_row_number" >= ${first} AND "file_row_number" < ${first + BATCH_ROWS}`;
  });
}

/** A value in SQL, and the way that is left from it in its JSON form: SQL does not reach through lists. */
export interface Reached {
  readonly sql: string;
  readonly type: LogicalType;
  readonly rest: readonly string[];
}

/** A column by its name, or a field below it by a dotted one; undefined where the file has no such thing. */
export function reach(held: TableSchema, name: string): Reached | undefined {
  const whole = findColumn(held, name);
  if (whole) return below(quoteIdentifier(name), whole.type, []);
  const [first = '', ...path] = name.split('.');
  const column = findColumn(held, first);
  return column && below(quoteIdentifier(first), column.type, path);
}

function below(sql: string, type: LogicalType, path: readonly string[]): Reached | undefined {
  if (type.kind === 'undecided') return undefined;
  const [name, ...rest] = path;
  // In JSON, too, there may be lists on the way.
  if (name === undefined || type.kind === 'list' || type.kind === 'json') return { sql, type, rest: path };
  if (type.kind !== 'struct') return undefined;
  const field = type.fields.find((inner) => inner.name === name);
  return field && below(`struct_extract(${sql}, ${quoteLiteral(name)})`, field.type, rest);
}

/** The key's columns, each as the table has it. */
export function keyColumns({ primaryKey, schema }: TableFacts, { held }: Source): readonly string[] {
  return primaryKey.map((name) => {
    const type = findColumn(schema, name)?.type;
    const own = findColumn(held, name)?.type;
    return type === undefined || type.kind === 'undecided' ? 'NULL' : columnSql(name, own, type);
  });
}

/** One text a key, the same in every file of the table. */
export function keyText(facts: TableFacts, source: Source): string {
  const texts = keyColumns(facts, source).map((sql) => `CAST(${sql} AS VARCHAR)`);
  const [only] = texts;
  return texts.length === 1 && only ? only : `CAST(to_json([${texts.join(', ')}]) AS VARCHAR)`;
}

/** Whether versions of a row are found by its key. */
export const isKeyed = ({ mode, primaryKey }: TableFacts): boolean =>
  mode !== 'append' && primaryKey.length > 0;

/** A text in SQL; a NUL cannot stand in a statement. */
export function textSql(text: string): string {
  const pieces = text.split('\0').map(quoteLiteral);
  return pieces.length === 1 ? (pieces[0] ?? "''") : `(${pieces.join(' || chr(0) || ')})`;
}

export const listSql = (texts: Iterable<string>): string => [...texts].map(textSql).join(', ');
