import type { LogicalType } from '../types/logical-type.ts';
import { sameType } from '../types/logical-type.ts';
import { quoteIdentifier, quoteLiteral, sqlType } from '../types/sql-type.ts';
import type { TableSchema } from '../types/table-schema.ts';
import type { Predicate } from './ast.ts';
import { bind } from './bind.ts';
import type { Bound, BoundColumn, BoundOp } from './bound.ts';
import type { Scalar } from './compare.ts';
import { formatDays, formatMicros, formatTimeOfDay } from './time.ts';

const OPERATORS: Readonly<Record<BoundOp, string>> = {
  '=': '=',
  '<>': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  distinct: 'IS DISTINCT FROM',
  not_distinct: 'IS NOT DISTINCT FROM',
};

/** Operands of AND and OR are written as a tree of this width, so that the engine's parser does not nest by length. */
const GROUP = 64;

/** How a column, or the field of structs that a path leads to, is written. The path is spelled as in the schema. */
export type ColumnSql = (path: readonly string[]) => string;

/**
 * The filter as a boolean expression of DuckDB's SQL over the columns of `schema`: every identifier and literal
 * quoted, every literal cast, names spelled as the schema does. It cannot fail on a row, unless what `columnSql` makes
 * of a column can. Throws `query.unknown_column`, `predicate.invalid`.
 */
export function predicateToSql(
  predicate: Predicate,
  schema: TableSchema,
  columnSql: ColumnSql = plainColumnSql,
): string {
  return write(bind(predicate, schema), ({ path }) => columnSql(path));
}

type WriteColumn = (column: BoundColumn) => string;

function write(bound: Bound, columnSql: WriteColumn): string {
  const again = (inner: Bound): string => write(inner, columnSql);
  const columnAs = (column: BoundColumn, type: LogicalType): string =>
    sameType(column.type, type) ? columnSql(column) : `CAST(${columnSql(column)} AS ${sqlType(type)})`;
  switch (bound.kind) {
    case 'constant':
      return bound.value === null ? 'CAST(NULL AS BOOLEAN)' : bound.value ? 'TRUE' : 'FALSE';
    case 'and':
      return join(bound.operands.map(again), ' AND ', 'TRUE');
    case 'or':
      return join(bound.operands.map(again), ' OR ', 'FALSE');
    case 'not':
      return `(NOT ${again(bound.operand)})`;
    case 'is_null': {
      const { operand } = bound;
      const inner = operand.kind === 'column' ? columnSql(operand) : again(operand);
      return `(${inner} IS ${bound.negated ? 'NOT ' : ''}NULL)`;
    }
    case 'is_boolean':
      return `(${again(bound.operand)} IS ${bound.negated ? 'NOT ' : ''}${bound.value ? 'TRUE' : 'FALSE'})`;
    case 'truth':
      return columnSql(bound.column);
    case 'unless_null':
      return bound.value
        ? `(${columnSql(bound.column)} IS NOT NULL OR CAST(NULL AS BOOLEAN))`
        : `(${columnSql(bound.column)} IS NULL AND CAST(NULL AS BOOLEAN))`;
    case 'compare': {
      const { left, right, type } = bound;
      const other = right.kind === 'column' ? columnAs(right, type) : literalSql(right.value, type);
      return `(${columnAs(left, type)} ${OPERATORS[bound.op]} ${other})`;
    }
    case 'in':
      return `(${columnSql(bound.column)} IN (${bound.items.map((item) => literalSql(item, bound.type)).join(', ')}))`;
    case 'like': {
      const suffix = bound.escapeSign === undefined ? '' : ` ESCAPE ${quoteLiteral(bound.escapeSign)}`;
      const operator = bound.ignoreCase ? 'ILIKE' : 'LIKE';
      return `(${columnSql(bound.column)} ${operator} ${quoteLiteral(bound.pattern)}${suffix})`;
    }
    case 'text':
      return `${bound.test}(${columnSql(bound.column)}, ${quoteLiteral(bound.argument)})`;
    case 'holds':
      return `list_contains(${columnSql(bound.column)}, ${quoteLiteral(bound.item)})`;
  }
}

function join(parts: readonly string[], separator: string, none: string): string {
  if (parts.length === 0) return none;
  if (parts.length <= GROUP) return parts.length === 1 ? (parts[0] as string) : `(${parts.join(separator)})`;
  const groups: string[] = [];
  for (let i = 0; i < parts.length; i += GROUP) {
    groups.push(join(parts.slice(i, i + GROUP), separator, none));
  }
  return join(groups, separator, none);
}

function plainColumnSql(path: readonly string[]): string {
  const [first = '', ...fields] = path;
  return fields.reduce(
    (sql, field) => `struct_extract(${sql}, ${quoteLiteral(field)})`,
    quoteIdentifier(first),
  );
}

function literalSql(value: Scalar, type: LogicalType): string {
  if (type.kind === 'boolean') return value === true ? 'TRUE' : 'FALSE';
  if (type.kind === 'string') return quoteLiteral(String(value));
  return `CAST(${quoteLiteral(literalText(value, type))} AS ${sqlType(type)})`;
}

function literalText(value: Scalar, type: LogicalType): string {
  switch (type.kind) {
    case 'timestamp':
      return `${formatMicros(BigInt(value))}+00`;
    case 'datetime':
      return formatMicros(BigInt(value));
    case 'date':
      return formatDays(BigInt(value));
    case 'time':
      return formatTimeOfDay(BigInt(value));
    case 'decimal':
      return decimalText(BigInt(value), type.scale);
    default:
      return String(value);
  }
}

function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const sign = unscaled < 0n ? '-' : '';
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
