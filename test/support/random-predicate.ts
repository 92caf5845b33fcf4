import { type Column, type LogicalType, quoteIdentifier, quoteLiteral, type TableSchema } from '@hakiri/core';
import type { Random } from './random.ts';

/** Values that literals of random predicates are made of; rows that hold some of them are found by some. */
export const TEXTS = [
  '',
  'a',
  'A',
  'ab',
  'aB%',
  'b_',
  'open',
  "o'k",
  'Σίσυφος',
  'İx',
  'ß',
  '￿',
  '😀',
  '😀a',
  'é',
  'é',
  '10',
  '9',
  'a\\b',
  '\n',
];
export const INTEGERS = [0n, 1n, -1n, 2n, 3n, 9n, 10n, 100n, 127n, -128n, 32767n, 2147483647n, -2147483648n];
export const WIDE = [9007199254740993n, 9007199254740992n, 9223372036854775807n, -9223372036854775808n];
export const DAYS = ['2024-01-01', '2024-02-29', '1969-12-31', '0001-01-01', '9999-12-31', '2024-01-02'];
export const CLOCKS = ['00:00:00', '10:30:00', '23:59:59.999999', '10:30:00.5'];

interface Leaf {
  readonly sql: string;
  readonly type: LogicalType;
}

/** Columns and the fields in them. */
export function leaves(columns: readonly Column[], prefix = ''): Leaf[] {
  return columns.flatMap(({ name, type }) => {
    const sql = `${prefix}${quoteIdentifier(name)}`;
    return type.kind === 'struct' ? [{ sql, type }, ...leaves(type.fields, `${sql}.`)] : [{ sql, type }];
  });
}

/** The text of a predicate; not all of them fit the types of the columns. */
export function randomPredicate(random: Random, schema: TableSchema, depth: number): string {
  if (depth > 0) {
    const inner = (): string => randomPredicate(random, schema, depth - 1);
    switch (random.below(7)) {
      case 0:
      case 1:
        return `${inner()} AND ${inner()}`;
      case 2:
      case 3:
        return `${inner()} or ${inner()}`;
      case 4:
        return `not ${inner()}`;
      case 5:
        return `(${inner()})`;
      default:
        return `(${inner()}) is ${random.pick(['null', 'not null', 'true', 'not true', 'false', 'not false'])}`;
    }
  }
  const column = random.pick(leaves(schema.columns));
  const value = (): string => randomOperand(random, schema, column.type);
  const negated = random.pick(['', 'NOT ']);
  switch (random.below(9)) {
    case 0:
      return `${column.sql} IS ${negated}NULL`;
    case 1:
      return `${column.sql} IS ${negated}DISTINCT FROM ${value()}`;
    case 2:
      return `${column.sql} ${negated}IN (${random.many(1 + random.below(4), value).join(', ')})`;
    case 3:
      return `${column.sql} ${negated}BETWEEN ${value()} AND ${value()}`;
    case 4:
      return column.type.kind === 'boolean' ? column.sql : `${column.sql} = ${value()}`;
    case 5:
      return randomTextTest(random, schema);
    case 6:
      return `${value()} ${random.pick(['=', '<', '>=', '!='])} ${column.sql}`;
    default:
      return `${column.sql} ${random.pick(['=', '<>', '!=', '<', '<=', '>', '>='])} ${value()}`;
  }
}

function randomTextTest(random: Random, schema: TableSchema): string {
  const texts = leaves(schema.columns).filter(({ type }) => type.kind === 'string');
  const column = texts.length > 0 && random.chance(0.95) ? random.pick(texts).sql : "'abc'";
  const part = quoteLiteral(random.pick(TEXTS));
  const lists = leaves(schema.columns).filter(
    ({ type }) => type.kind === 'list' && type.item.kind === 'string',
  );
  if (lists.length > 0 && random.chance(0.3)) return `contains(${random.pick(lists).sql}, ${part})`;
  if (random.chance(0.3))
    return `${random.pick(['starts_with', 'ends_with', 'contains'])}(${column}, ${part})`;
  const pieces = ['%', '_', 'a', 'b', 'A', 'Σ', 'σ', 'i', '😀', 'é', "''", 'o'];
  const pattern = random.many(1 + random.below(4), () => random.pick(pieces)).join('');
  const negated = random.pick(['', 'NOT ']);
  if (random.chance(0.2))
    return `${column} ${negated}LIKE '${pattern}!%${random.pick(['', '%'])}' ESCAPE '!'`;
  return `${column} ${negated}${random.pick(['LIKE', 'ILIKE'])} '${pattern}'`;
}

const EDGES = [
  '2.5',
  '2.5',
  '1.5',
  '-0.5',
  '0.1',
  '99999999999999999999',
  '-9223372036854775809',
  '9223372036854775808',
  '1e3',
];
const MORE_EDGES = [
  '1e-3',
  '300',
  '-129',
  '0.00',
  '9007199254740993',
  '0.25',
  '123456789012345678901234567890123456789012',
];

/** Mostly something that goes with the type, sometimes NULL, another column or something that does not fit. */
function randomOperand(random: Random, schema: TableSchema, type: LogicalType): string {
  if (random.chance(0.08)) return 'NULL';
  if (random.chance(0.2)) {
    const alike = leaves(schema.columns).filter((leaf) => leaf.type.kind === type.kind || random.chance(0.3));
    if (alike.length > 0) return random.pick(alike).sql;
  }
  switch (type.kind) {
    case 'boolean':
      return random.pick(['true', 'FALSE']);
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
    case 'decimal':
    case 'double':
      return random.chance(0.6)
        ? String(random.pick([...INTEGERS, ...WIDE]))
        : random.pick(type.kind === 'int32' ? EDGES.slice(0, 6) : [...EDGES, ...MORE_EDGES]);
    case 'date':
      return random.pick(['DATE ', '']) + quoteLiteral(random.pick(DAYS));
    case 'time':
      return quoteLiteral(random.pick(CLOCKS));
    case 'timestamp':
    case 'datetime':
      return `${random.pick(['TIMESTAMP ', 'TIMESTAMPTZ ', ''])}'${random.pick(DAYS.slice(0, random.pick([1, 3])))} ${random.pick(CLOCKS)}${random.pick(['', 'Z', '+02', '-05:30'])}'`;
    default:
      return quoteLiteral(random.pick(TEXTS));
  }
}
