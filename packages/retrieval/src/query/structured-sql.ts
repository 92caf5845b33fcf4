import {
  PROVENANCE_COLUMNS,
  parsePredicate,
  predicateToSql,
  quoteIdentifier,
  type StructuredRequest,
  type TableSchema,
} from '@hakiri/core';
import { isKeyed, keyColumns, renamedKeyColumns } from '../cite/citations.ts';
import { findPath, lookUpPath, parseOrder, pathSql } from './columns.ts';
import { rawKeyColumns, type ServedTable } from './session.ts';

export interface StructuredSql {
  readonly sql: string;
  /** Columns that were asked for; those after them are for citations. */
  readonly shown: number;
  /** Whether the order of the rows is settled by the statement alone. */
  readonly isOrdered: boolean;
}

export interface StructuredOptions {
  /** Whether what `sourceOf` reads follows the columns of each row. */
  readonly withSources: boolean;
  /** Of one page; all rows when undefined. `rows`: as many as can be there. */
  readonly page?: { readonly rows: number | undefined; readonly offset: number };
  /** What was found. The rows are those, by rank where no order is asked for; the filter held before the search. */
  readonly hits?: HitsRelation;
}

export interface HitsRelation {
  /** What tells the rows, `_hakiri_score` and `_hakiri_rank`. */
  readonly sql: string;
  /** The columns that tell the rows, there and in the table's view. */
  readonly joinedBy: readonly string[];
}

/** What a searched row has beside its columns. */
export const SCORE = '_score';
export const RANK = '_rank';
const HIT_COLUMNS = new Map([
  [SCORE, '"_hakiri_score"'],
  [RANK, '"_hakiri_rank"'],
]);

/**
 * A structured request as SQL over the table's view; every name is looked up in the schema before it is written.
 * Rows that are equal in what they are ordered by are ordered by key, so that pages fit together.
 * @throws HakiriError query.unknown_column, query.invalid, predicate.invalid
 */
export function structuredSql(
  request: StructuredRequest,
  served: ServedTable,
  { withSources, page, hits }: StructuredOptions,
): StructuredSql {
  const { table } = served;
  const schema = namedColumns(served);
  const columnSql = (name: string): string => {
    const own = hits === undefined ? undefined : HIT_COLUMNS.get(name);
    return own ?? pathSql(findPath(name, schema, hits === undefined ? [] : [...HIT_COLUMNS.keys()]));
  };
  const names = shownNames(request, served);
  const shown = names.map((name) => `${columnSql(name)} AS ${quoteIdentifier(name)}`);
  const sources = withSources ? sourceColumns(served, schema) : [];
  const order = (request.orderBy ?? []).map((entry) => {
    const { name, descending } = parseOrder(entry);
    return `${columnSql(name)} ${descending ? 'DESC' : 'ASC'} NULLS LAST`;
  });
  if (hits !== undefined && order.length === 0) order.push('"_hakiri_rank"');
  const key = orderedKey(served).map(quoteIdentifier);
  const from = `${quoteIdentifier(table.name)}${hits === undefined ? '' : joinSql(hits)}`;
  const where = hits === undefined ? whereSql(request, schema) : '';
  const orderBy = order.length > 0 ? ` ORDER BY ${[...order, ...key].join(', ')}` : '';
  const list = [...(shown.length > 0 ? shown : ['NULL AS "_hakiri_none"']), ...sources];
  return {
    sql: `SELECT ${list.join(', ')} FROM ${from}${where}${orderBy}${pageSql(page)}`,
    shown: Math.max(1, shown.length),
    isOrdered: order.length > 0,
  };
}

const joinSql = ({ sql, joinedBy }: HitsRelation): string =>
  ` JOIN ${sql} USING (${joinedBy.map(quoteIdentifier).join(', ')})`;

function pageSql(page: StructuredOptions['page']): string {
  const limit = page?.rows === undefined ? '' : ` LIMIT ${page.rows}`;
  return page === undefined || page.offset === 0 ? limit : `${limit} OFFSET ${page.offset}`;
}

/** Columns of the answer: those that were asked for, else the table's own, and the score where there is one. */
export function shownNames(
  { select = [], search }: StructuredRequest,
  { seen }: Pick<ServedTable, 'seen'>,
): readonly string[] {
  if (select.length > 0) return select;
  return [...seen.schema.columns.map(({ name }) => name), ...(search === undefined ? [] : [SCORE])];
}

/** What a table's rows look like to those who name Hakiri's own columns. */
export function withProvenance({ columns }: TableSchema): TableSchema {
  return { columns: [...columns, ...PROVENANCE_COLUMNS] };
}

/** The columns that a request may name. Of a table that is not seen whole, Hakiri's own are not there. */
export function namedColumns({ table, seen }: ServedTable): TableSchema {
  return seen.isWhole ? withProvenance(table.schema) : seen.schema;
}

/** What settles the order of rows that are equal otherwise: nothing that is not seen itself. */
function orderedKey({ table, seen }: ServedTable): readonly string[] {
  if (!isKeyed(table) || seen.key === 'clear') return keyColumns(table);
  return seen.key === 'renamed' ? table.primaryKey : ['_hakiri_run', '_hakiri_seq'];
}

function sourceColumns({ table, seen }: ServedTable, schema: TableSchema): readonly string[] {
  const key = (seen.isWhole ? keyColumns(table) : rawKeyColumns(table)).map(quoteIdentifier);
  const renamed = renamedKeyColumns(table, seen).map(quoteIdentifier);
  // A transform may have left it out of the table.
  const order = table.incremental === null ? undefined : lookUpPath(table.incremental, schema);
  const incremental = order === undefined ? 'NULL' : pathSql(order);
  return [...key, '"_hakiri_run"', '"_hakiri_seq"', incremental, ...renamed].map(
    (column, i) => `${column} AS "_hakiri_source_${i}"`,
  );
}

function whereSql({ filter }: StructuredRequest, schema: TableSchema): string {
  return filter === undefined ? '' : ` WHERE ${predicateToSql(parsePredicate(filter), schema)}`;
}
