import {
  findColumn,
  type LogicalType,
  type OrderKeyColumn,
  orderKeySql,
  orderValueSql,
  quoteIdentifier,
  quoteLiteral,
  sameType,
  sqlType,
  type TableSchema,
} from '@hakiri/core';
import type { ConvertInput, ConvertRequest, OrderSpec } from '../protocol.ts';
import { decoded, holdsBytes, spoolType } from './base64-columns.ts';
import { exactCast } from './exact-cast.ts';

/** Columns that travel beside the table's own, under the transforms. */
const SEQUENCE = quoteIdentifier('_hakiri_seq');
const DELETED = quoteIdentifier('_hakiri_deleted');
const VALUE = quoteIdentifier('_hakiri_value');

/** The one statement that makes a part: read, transform, cast, add provenance, write. */
export function convertStatement(request: ConvertRequest): string {
  const { columns, order, output, rowGroupRows, transform, primaryKey } = request;
  const own = columns.map(({ name, type }) => {
    const identifier = quoteIdentifier(name);
    // Even a cast to the same type is work for each row.
    const value = hasType(request, name, type) ? identifier : `CAST(${identifier} AS ${sqlType(type)})`;
    // A tombstone holds its key and nothing else: a filter may be there to keep the rest out.
    const kept = !mayDelete(request) || primaryKey.includes(name);
    return `${kept ? value : `CASE WHEN ${DELETED} THEN NULL ELSE ${value} END`} AS ${identifier}`;
  });
  const key = transform === undefined ? orderOf(order) : VALUE;
  const provenance = [
    `${quoteLiteral(order.suffix.run)} AS "_hakiri_run"`,
    SEQUENCE,
    DELETED,
    `${orderKeySql(key, order.suffix, SEQUENCE)} AS "_hakiri_order"`,
  ];
  return `COPY (SELECT ${[...own, ...provenance].join(', ')} FROM (${transformed(request)}))
TO ${quoteLiteral(output)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupRows}, RETURN_STATS)`;
}

function mayDelete({ input, transform }: ConvertRequest): boolean {
  return transform !== undefined || hasMarkers(input);
}

/** Whether the input says itself which of its records are deletes. */
function hasMarkers(input: ConvertInput): boolean {
  return input.kind === 'records' && input.deletes;
}

function hasType({ input, transform }: ConvertRequest, name: string, type: LogicalType): boolean {
  if (transform !== undefined || input.kind === 'file') return false;
  const held = findColumn(input.schema, name)?.type;
  return held !== undefined && sameType(held, type);
}

/** SELECT of the rows, transformed, with `_hakiri_seq` and `_hakiri_deleted`. */
function transformed({ input, transform, order, primaryKey }: ConvertRequest): string {
  const first = order.firstSequence - 1;
  const deleted = hasMarkers(input) ? '' : `, false AS ${DELETED}`;
  const rows = `SELECT *, row_number() OVER () + ${first} AS ${SEQUENCE}${deleted} FROM ${readInput(input)}`;
  if (transform === undefined) return rows;
  // The order comes from the record as it was, whatever the transform leaves of it. The rows are numbered again:
  // a transform may drop some, or make several of one.
  const key = orderOf(order);
  const value =
    typeof key === 'string' ? key : `coalesce(${orderValueSql(key.sql, key.type)}, ${key.whenNull})`;
  const valued = `SELECT *, ${value} AS ${VALUE} FROM (${rows})`;
  const made = `WITH input AS (${valued}) ${transform}`;
  const single = hasMarkers(input) ? withoutRepeatedDeletes(made, primaryKey) : made;
  return `SELECT * REPLACE (row_number() OVER () + ${first} AS ${SEQUENCE}) FROM (${single})`;
}

/** A transform may make several rows of one delete: those of one key, which stand side by side, are one again. */
function withoutRepeatedDeletes(rows: string, primaryKey: readonly string[]): string {
  const same = [SEQUENCE, ...primaryKey.map(quoteIdentifier)].map((name) => `${name} = lag(${name}) OVER ()`);
  return `SELECT * FROM (${rows}) QUALIFY (${[DELETED, ...same].join(' AND ')}) IS NOT TRUE`;
}

/** What the engine says when a value is missing where none was expected. */
export const NULL_ORDER = 'hakiri: a row without an incremental value';

/**
 * A row without a value takes the greatest seen up to it, its own run included. Looking back costs every row, so
 * it is done only once a null has been met.
 */
function orderOf({ column, fallback, nulls }: OrderSpec): OrderKeyColumn | string {
  if (!column) return quoteLiteral(fallback);
  const sql = column.path.map(quoteIdentifier).join('.');
  const seen = `max(${sql}) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
  const whenNull =
    nulls === 'expected'
      ? `greatest(${orderValueSql(`(${seen})`, column.type)}, ${quoteLiteral(fallback)})`
      : `error(${quoteLiteral(NULL_ORDER)})`;
  return { sql, type: column.type, whenNull };
}

/** A FROM item with the input's rows, in the order in which they came. */
function readInput(input: ConvertInput): string {
  if (input.kind === 'file') return readFileAs(input);
  const known = input.schema.columns.filter((column) => column.type.kind !== 'undecided');
  const columns = known.map(
    ({ name, type }) => `${quoteLiteral(name)}: ${quoteLiteral(sqlType(spoolType(type)))}`,
  );
  if (input.deletes) columns.push(`${quoteLiteral('_hakiri_deleted')}: 'BOOLEAN'`);
  // read_json wants at least one column; this one is in no record.
  const spec = columns.length > 0 ? columns.join(', ') : `'_hakiri_none': 'VARCHAR'`;
  const read = `read_json(${quoteLiteral(input.path)}, format='newline_delimited', columns={${spec}}, maximum_object_size=${objectSize(input.largestRecordBytes)})`;
  const selected = input.schema.columns.map(({ name, type }) => {
    const identifier = quoteIdentifier(name);
    if (type.kind === 'undecided') return `NULL AS ${identifier}`;
    return holdsBytes(type) ? `${decoded(identifier, type)} AS ${identifier}` : identifier;
  });
  if (input.deletes) selected.push(`coalesce(${DELETED}, false) AS ${DELETED}`);
  return `(SELECT ${selected.length > 0 ? selected.join(', ') : 'NULL AS "_hakiri_none"'} FROM ${read})`;
}

type FileConvertInput = Extract<ConvertInput, { kind: 'file' }>;

function readFileAs({ redacted = [], ...input }: FileConvertInput): string {
  const clear = readClear(input);
  if (redacted.length === 0) return clear;
  const dropped = redacted
    .filter(({ sql }) => sql === undefined)
    .map(({ column }) => quoteIdentifier(column));
  const replaced = redacted.flatMap(({ column, sql }) =>
    sql === undefined ? [] : [`${sql} AS ${quoteIdentifier(column)}`],
  );
  const exclude = dropped.length === 0 ? '' : ` EXCLUDE (${dropped.join(', ')})`;
  const replace = replaced.length === 0 ? '' : ` REPLACE (${replaced.join(', ')})`;
  return `(SELECT *${exclude}${replace} FROM ${clear})`;
}

function readClear({ path, format, delimiter, found, schema }: FileConvertInput): string {
  const read = readFile(path, format, delimiter);
  const casts = (found?.columns ?? []).flatMap(({ name, type }) => {
    const declared = findColumn(schema, name)?.type;
    if (declared === undefined || declared.kind === 'undecided' || sameType(declared, type)) return [];
    const identifier = quoteIdentifier(name);
    return [`${exactCast(identifier, name, type, declared)} AS ${identifier}`];
  });
  return casts.length === 0 ? read : `(SELECT * REPLACE (${casts.join(', ')}) FROM ${read})`;
}

/**
 * CSV values stay text unless a schema says more. The delimiter is told, not sniffed: the engine would rather
 * invent another dialect than report a broken quote.
 */
export function readFile(path: string, format: 'csv' | 'parquet', delimiter = ',', header = true): string {
  return format === 'parquet'
    ? `read_parquet(${quoteLiteral(path)})`
    : `read_csv(${quoteLiteral(path)}, delim=${quoteLiteral(delimiter)}, quote='"', escape='"', all_varchar=true, header=${header}, skip=0, comment='', allow_quoted_nulls=false, strict_mode=true)`;
}

/**
 * The engine buffers several times this much, so it follows the largest record there is.
 */
export function objectSize(largestRecordBytes: number): number {
  let size = 256 * 1024;
  while (size < largestRecordBytes + 1024) size *= 2;
  return size;
}

/** What each column of the transform's output is: the statement to prepare. */
export function describeStatement(input: TableSchema, transform: string): string {
  return `${nullInput(input)} ${transform}`;
}

/** For each column of the transform's output, whether it is still without any type: always one row. */
export function undecidedStatement(input: TableSchema, transform: string): string {
  return `${nullInput(input)}, output AS (${transform}) SELECT typeof(COLUMNS(output.*)) = '"NULL"' FROM (SELECT 1) LEFT JOIN output ON true LIMIT 1`;
}

function nullInput(input: TableSchema): string {
  const columns = input.columns.map(({ name, type }) =>
    type.kind === 'undecided'
      ? `NULL AS ${quoteIdentifier(name)}`
      : `NULL::${sqlType(type)} AS ${quoteIdentifier(name)}`,
  );
  const all = [...columns, `0::BIGINT AS ${SEQUENCE}`, `false AS ${DELETED}`, `''::VARCHAR AS ${VALUE}`];
  return `WITH input AS (SELECT ${all.join(', ')})`;
}
