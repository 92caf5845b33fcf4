import {
  type LogicalType,
  orderKeySql,
  orderValueSql,
  quoteIdentifier,
  quoteLiteral,
  sqlType,
  type TableSchema,
} from '@hakiri/core';
import type { ConvertInput, ConvertRequest, OrderSpec } from '../protocol.ts';

/** Columns that travel beside the table's own, under the transforms. */
const SEQUENCE = quoteIdentifier('_hakiri_seq');
const DELETED = quoteIdentifier('_hakiri_deleted');
const VALUE = quoteIdentifier('_hakiri_value');

/** The one statement that makes a part: read, transform, cast, add provenance, write. */
export function convertStatement(request: ConvertRequest): string {
  const { columns, order, output, rowGroupRows } = request;
  const own = columns.map(({ name, type }) => {
    const identifier = quoteIdentifier(name);
    return `CAST(${identifier} AS ${sqlType(type)}) AS ${identifier}`;
  });
  const provenance = [
    `${quoteLiteral(order.suffix.run)} AS "_hakiri_run"`,
    SEQUENCE,
    DELETED,
    `${orderKeySql(VALUE, order.suffix, SEQUENCE)} AS "_hakiri_order"`,
  ];
  return `COPY (SELECT ${[...own, ...provenance].join(', ')} FROM (${transformed(request)}))
TO ${quoteLiteral(output)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupRows}, RETURN_STATS)`;
}

/** SELECT of the transformed rows with `_hakiri_seq`, `_hakiri_deleted` and `_hakiri_value`. */
function transformed({
  input,
  transform,
  order,
}: Pick<ConvertRequest, 'input' | 'transform' | 'order'>): string {
  const base = `SELECT *, row_number() OVER () + ${order.firstSequence - 1} AS ${SEQUENCE}, false AS ${DELETED} FROM ${readInput(input)}`;
  const rows = `SELECT *, ${orderValue(order)} AS ${VALUE} FROM (${base})`;
  if (transform === undefined) return rows;
  return `WITH input AS (${rows}) ${transform}`;
}

/** A row without a value takes the greatest seen up to it, its own run included. */
function orderValue({ column, fallback }: OrderSpec): string {
  if (!column) return quoteLiteral(fallback);
  const value = orderValueSql(column.path.map(quoteIdentifier).join('.'), column.type);
  const seen = `max(${value}) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
  return `coalesce(CASE WHEN ${column.path.map(quoteIdentifier).join('.')} IS NOT NULL THEN ${value} END, greatest(${seen}, ${quoteLiteral(fallback)}))`;
}

/** A FROM item with the input's rows, in the order in which they came. */
export function readInput(input: ConvertInput): string {
  if (input.kind === 'file') return readFile(input.path, input.format, input.delimiter);
  const known = input.schema.columns.filter((column) => column.type.kind !== 'undecided');
  const columns = known.map(
    ({ name, type }) => `${quoteLiteral(name)}: ${quoteLiteral(readType(type, input.verified))}`,
  );
  // read_json wants at least one column; this one is in no record.
  const spec = columns.length > 0 ? columns.join(', ') : `'_hakiri_none': 'VARCHAR'`;
  const read = `read_json(${quoteLiteral(input.path)}, format='newline_delimited', columns={${spec}}, maximum_object_size=${objectSize(input.largestRecordBytes)})`;
  const selected = input.schema.columns.map(({ name, type }) => {
    const identifier = quoteIdentifier(name);
    if (type.kind === 'undecided') return `NULL AS ${identifier}`;
    return input.verified ? identifier : `${checkedCast(identifier, type)} AS ${identifier}`;
  });
  return `(SELECT ${selected.length > 0 ? selected.join(', ') : 'NULL AS "_hakiri_none"'} FROM ${read})`;
}

/**
 * CSV values stay text unless a schema says more. The delimiter is told, not sniffed: the engine would rather
 * invent another dialect than report a broken quote.
 */
export function readFile(path: string, format: 'csv' | 'parquet', delimiter = ','): string {
  return format === 'parquet'
    ? `read_parquet(${quoteLiteral(path)})`
    : `read_csv(${quoteLiteral(path)}, delim=${quoteLiteral(delimiter)}, quote='"', escape='"', all_varchar=true, header=true, strict_mode=true)`;
}

/**
 * The engine buffers several times this much, so it follows the largest record there is.
 */
export function objectSize(largestRecordBytes: number): number {
  let size = 256 * 1024;
  while (size < largestRecordBytes + 1024) size *= 2;
  return size;
}

/** read_json turns 2.5 into the BIGINT 2 and 5 into true without a word; unchecked values are read wide instead. */
function readType(type: LogicalType, verified: boolean): string {
  return verified ? sqlType(type) : sqlType(wideType(type));
}

/** The type a value is read as before it is checked. */
export function wideType(type: LogicalType): LogicalType {
  switch (type.kind) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return { kind: 'double' };
    case 'boolean':
      return { kind: 'string' };
    case 'list':
      return { kind: 'list', item: wideType(type.item) };
    case 'struct':
      return { kind: 'struct', fields: type.fields.map((f) => ({ name: f.name, type: wideType(f.type) })) };
    default:
      return type;
  }
}

function checkedCast(expression: string, type: LogicalType): string {
  switch (type.kind) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return `CASE WHEN ${expression} IS NULL OR (${expression} = trunc(${expression}) AND abs(${expression}) <= 9007199254740992) THEN ${expression}::${sqlType(type)} ELSE error('not an integer') END`;
    case 'boolean':
      return `CASE WHEN ${expression} IS NULL OR ${expression} IN ('true', 'false') THEN ${expression}::BOOLEAN ELSE error('not a boolean') END`;
    case 'list':
    case 'struct': {
      const narrow = `${expression}::${sqlType(type)}`;
      const wide = sqlType(wideType(type));
      return sqlType(type) === wide
        ? expression
        : `CASE WHEN ${narrow}::${wide} IS NOT DISTINCT FROM ${expression} THEN ${narrow} ELSE error('not exact') END`;
    }
    default:
      return expression;
  }
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
