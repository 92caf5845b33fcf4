import {
  type CatalogTable,
  type Column,
  findColumn,
  isInteger,
  type JsonValue,
  type LogicalType,
  sameType,
  UNDECIDED,
} from '@hakiri/core';
import { oneJsonForm } from './json-form.ts';

/** A key as SQLite holds it: a whole number, or canonical JSON text. */
export type StoredKey = number | bigint | string;

/** What a sidecar's rows and keys look like; the file says with which one it was made. */
export interface RowShape {
  /** `position`: a table without a key, whose rows are found by run and sequence. */
  readonly kind: 'integer' | 'text' | 'position';
  readonly key: readonly Column[];
  readonly columns: readonly Column[];
}

export function rowShape({ mode, primaryKey, schema }: CatalogTable): RowShape {
  const { columns } = schema;
  if (mode === 'append' || primaryKey.length === 0) return { kind: 'position', key: [], columns };
  const key = primaryKey.map((name): Column => findColumn(schema, name) ?? { name, type: UNDECIDED });
  const [first] = key;
  const kind = key.length === 1 && first !== undefined && isInteger(first.type) ? 'integer' : 'text';
  return { kind, key, columns };
}

/** Whether rows and keys written for one shape read the same under another. */
export function readsTheSame(written: RowShape, now: RowShape): boolean {
  return (
    written.kind === now.kind &&
    written.key.length === now.key.length &&
    written.key.every(({ name, type }, i) => {
      const other = now.key[i];
      return other !== undefined && other.name === name && sameForm(type, other.type);
    }) &&
    written.columns.every(({ name, type }) => {
      const other = now.columns.find((column) => column.name === name);
      return other !== undefined && sameForm(type, other.type);
    })
  );
}

/** Integers have one JSON form whatever their width, and an undecided column holds nothing but null. */
function sameForm(before: LogicalType, after: LogicalType): boolean {
  return before.kind === 'undecided' || (isInteger(before) && isInteger(after)) || sameType(before, after);
}

/** The key of a row from the values of its key columns; undefined for values that no row can have. */
export function storedKey(
  shape: RowShape,
  values: readonly (JsonValue | undefined)[],
): StoredKey | undefined {
  const formed: JsonValue[] = [];
  for (const [i, { type }] of shape.key.entries()) {
    const value = values[i];
    // Text that this side cannot bring into form may be the engine's own.
    const one = oneJsonForm(value, type) ?? (isInteger(type) ? undefined : value);
    if (one === undefined || one === null) return undefined;
    formed.push(one);
  }
  if (shape.kind === 'text') return JSON.stringify(formed);
  const [only] = formed;
  return typeof only === 'string' ? BigInt(only) : (only as number);
}

/** A key read from SQLite as `storedKey` gives it. */
export function keyFromSqlite(key: unknown): StoredKey {
  if (typeof key !== 'bigint') return key as StoredKey;
  const number = Number(key);
  return Number.isSafeInteger(number) ? number : key;
}

const SEQUENCES = 2 ** 34;

/** Where a row without a key is found: its run's number in the sidecar, and its sequence. */
export function positionKey(runNumber: number, sequence: number): StoredKey {
  const key = runNumber * SEQUENCES + sequence;
  return Number.isSafeInteger(key) ? key : BigInt(runNumber) * BigInt(SEQUENCES) + BigInt(sequence);
}
