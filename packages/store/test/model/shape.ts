import {
  type JsonValue,
  type LogicalType,
  type Partitioning,
  parseTypeName,
  type TableMode,
  type TableSchema,
} from '@hakiri/core';
import type { Random } from '../../../../test/support/random.ts';
import type { OrderValue } from './table-model.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** What a seed's table is like. */
export interface Shape {
  readonly mode: TableMode;
  readonly primaryKey: readonly string[];
  readonly incremental: 'ver' | 'at' | 'name' | 'score' | undefined;
  readonly partitioning: Partitioning | undefined;
  readonly retentionMs: number;
  readonly tombstoneRetentionMs: number;
  readonly keys: number;
}

export function makeShape(random: Random): Shape {
  const mode = random.pick<TableMode>(['merge', 'merge', 'merge', 'append', 'replace']);
  const incremental =
    mode === 'replace' ? undefined : random.pick([undefined, 'ver', 'ver', 'at', 'name', 'score'] as const);
  return {
    mode,
    primaryKey: mode === 'append' ? [] : random.pick([['id'], ['id'], ['repo', 'id']]),
    incremental,
    partitioning: random.pick<Partitioning | undefined>([
      undefined,
      { kind: 'by', column: 'region' },
      { kind: 'by', column: 'region' },
      { kind: 'recent', days: random.pick([1, 7]), column: 'at' },
    ]),
    retentionMs: random.pick([2, 24, 7 * 24]) * HOUR_MS,
    tombstoneRetentionMs: random.pick([1, 5, 30]) * DAY_MS,
    keys: random.pick([3, 8, 20]),
  };
}

/** Names with which folders, statements and patterns have trouble. */
const REGIONS = ['eu', 'us', 'a/b', '50%', "o'neill", 'ä ö', '', '_mixed', '_null', '..', 'x='.repeat(70)];
const REPOS = ['duck', 'd/b', "o'x", 'ünï', ''];
const NAMES = ['a', 'b', 'ba', 'z', 'ä', '😀', '', 'Z', 'b\u0001', 'zz'];

export type Row = Record<string, JsonValue>;

/** The columns there are now: they come one by one, and get wider. */
export interface Columns {
  readonly types: Map<string, string>;
}

export function firstColumns(shape: Shape): Columns {
  const types = new Map([
    ['id', 'int16'],
    ['who', 'string'],
    ['val', 'string'],
    ['region', 'string'],
    ['at', 'timestamp'],
  ]);
  if (shape.primaryKey.includes('repo')) types.set('repo', 'string');
  if (shape.incremental === 'ver') types.set('ver', 'int32');
  if (shape.incremental === 'name') types.set('name', 'string');
  if (shape.incremental === 'score') types.set('score', 'double');
  return { types };
}

const GROWTH: readonly (readonly [string, readonly string[]])[] = [
  ['id', ['int16', 'int32', 'int64']],
  ['ver', ['int32', 'int64']],
  ['size', ['int8', 'int16', 'int64']],
  ['empty', ['undecided', 'string']],
  ['obj', ['struct<a: int32>', 'struct<a: int32, b: string>', 'struct<a: int64, b: string, c: int8[]>']],
  ['flag', ['boolean']],
];

/** A new column, or a wider one. */
export function grow(columns: Columns, shape: Shape, random: Random): Columns {
  const [name, steps] = random.pick(GROWTH);
  if (name === 'ver' && shape.incremental !== 'ver') return columns;
  const have = columns.types.get(name);
  const next = steps[have === undefined ? 0 : steps.indexOf(have) + 1];
  return next === undefined ? columns : { types: new Map(columns.types).set(name, next) };
}

export function schemaOf(types: ReadonlyMap<string, string>): TableSchema {
  return {
    columns: [...types].map(([name, type]) => ({ name, type: logicalType(type) })),
  };
}

export function logicalType(type: string): LogicalType {
  return type === 'undecided' ? { kind: 'undecided' } : parseTypeName(type);
}

export function keyRow(shape: Shape, random: Random): Row {
  const id = random.below(shape.keys);
  const key = { id, ...(shape.primaryKey.includes('repo') ? { repo: random.pick(REPOS) } : {}) };
  return key;
}

/** A record; values of optional columns may be null, or not there at all. */
export function makeRow(shape: Shape, { types }: Columns, random: Random, token: string, nowMs: number): Row {
  const row: Row = { ...keyRow(shape, random), val: token };
  row.who = `user ${Number(row.id) % 4}`;
  const optional = (name: string, make: () => JsonValue): void => {
    if (!types.has(name)) return;
    if (random.chance(0.15)) {
      if (random.chance(0.5)) row[name] = null;
    } else row[name] = make();
  };
  optional('region', () => random.pick(REGIONS));
  optional('at', () =>
    isoSeconds(nowMs - random.pick([0, 0, 1, 5, 12, 400]) * DAY_MS + random.below(3) * 1000),
  );
  optional('ver', () =>
    types.get('ver') === 'int64' && random.chance(0.1)
      ? 3_000_000_000 + random.below(5)
      : random.below(30) - 5,
  );
  optional('name', () => random.pick(NAMES));
  optional('score', () => random.pick([0, -1.5, 1e-9, 2.25, 1e300, -1e-300, 12, 7.5]));
  optional('size', () => random.below(100));
  optional('flag', () => random.chance(0.5));
  optional('empty', () => (types.get('empty') === 'undecided' ? null : token));
  optional('obj', () => {
    const obj: Row = { a: random.below(9) };
    const type = types.get('obj') ?? '';
    if (type.includes('b:') && random.chance(0.7)) obj.b = `b${token}`;
    if (type.includes('c:') && random.chance(0.7)) obj.c = [1, 2];
    return obj;
  });
  return row;
}

export function isoSeconds(ms: number): string {
  return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

/** A delete of some key, with or without a value of the incremental column. */
export function makeDelete(shape: Shape, columns: Columns, random: Random, nowMs: number): Row {
  const row = makeRow(shape, columns, random, '', nowMs);
  const key = Object.fromEntries(shape.primaryKey.map((name) => [name, row[name] ?? null]));
  const { incremental } = shape;
  const value =
    incremental === undefined || random.chance(0.4) ? {} : { [incremental]: row[incremental] ?? null };
  return { ...key, ...value, _hakiri_deleted: true };
}

/** As the order key sees it. */
export function orderValueOf({ incremental }: Shape, row: Row): OrderValue {
  const value = incremental === undefined ? null : (row[incremental] ?? null);
  if (value === null) return null;
  if (incremental === 'at') return BigInt(Date.parse(String(value))) * 1000n;
  if (incremental === 'ver') return BigInt(String(value));
  return incremental === 'score' ? Number(value) : String(value);
}

/** A value as the view gives it once the column has this type. */
export function shown(value: JsonValue | undefined, type: LogicalType): JsonValue {
  if (value === null || value === undefined) return null;
  if (type.kind === 'struct') {
    const fields = value as Record<string, JsonValue>;
    return Object.fromEntries(
      type.fields.map((field) => [field.name, shown(fields[field.name], field.type)]),
    );
  }
  return value;
}
