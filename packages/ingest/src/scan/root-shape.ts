import { RESERVED_PREFIX, type TableSchema } from '@hakiri/core';
import { type Fault, fault } from './fault.ts';
import type { JsonValue, ObjectValue } from './record-reader.ts';
import {
  foldName,
  JSON_SHAPE,
  type Shape,
  type StructShape,
  shapeOf,
  structShape,
  UNDECIDED_SHAPE,
} from './shape.ts';
import { duplicateKey, keyCase, type Widening, widenColumn } from './widen.ts';

const MAX_COLUMNS = 2000;
const MAX_NAME_BYTES = 255;

export interface RootOptions {
  readonly primaryKey: readonly string[];
  readonly onConflict: 'quarantine' | 'json';
  readonly unknownColumns: 'add' | 'drop' | 'redact';
  /** Whether a record may delete a row: only a key says which. */
  readonly keyed: boolean;
}

/** The one name of ours that a record may hold: true makes it a delete. Not a column of the table. */
export const DELETE_MARKER = '_hakiri_deleted';
const MARKER_SHAPE = shapeOf({ kind: 'boolean' }, 'declared');
const LETTER_T = 0x74;

/** The table's known columns with what is declared laid over them. Under `drop` only what is declared is looked at. */
export function rootShape(known: TableSchema, declared: TableSchema, options: RootOptions): StructShape {
  const columns = new Map<string, Shape>();
  for (const { name, type } of known.columns) {
    if (options.unknownColumns !== 'drop' || options.primaryKey.includes(name))
      columns.set(name, shapeOf(type, 'kept'));
  }
  for (const { name, type } of declared.columns) columns.set(name, shapeOf(type, 'declared'));
  if (options.unknownColumns === 'drop') {
    for (const name of options.primaryKey) if (!columns.has(name)) columns.set(name, UNDECIDED_SHAPE);
  }
  return structShape(columns, 'kept');
}

/** The shape of the table once it has taken the record, or why it cannot. The same object if nothing changes. */
export function widenRoot(
  root: StructShape,
  record: ObjectValue,
  run: Widening,
  options: RootOptions,
): StructShape | Fault {
  const seen = new Map<string, JsonValue>();
  let columns: Map<string, Shape> | undefined;
  let folded: Map<string, string> | undefined;
  for (const { key, value } of record.members) {
    if (foldName(key).startsWith(RESERVED_PREFIX)) {
      const refused = seen.has(key) ? duplicateKey(key) : refusedMarker(key, value, run, options);
      if (refused !== undefined) return refused;
      seen.set(key, value);
      // Known from now on: the kernel lets it pass.
      if (options.keyed && !root.fields.has(key)) {
        columns ??= new Map(root.fields);
        columns.set(key, MARKER_SHAPE);
        folded ??= new Map(root.folded);
        folded.set(foldName(key), key);
      }
      continue;
    }
    const known = (columns ?? root.fields).get(key);
    if (known === undefined && run.open) continue;
    if (seen.has(key)) return duplicateKey(key);
    seen.set(key, value);
    if (known === undefined) {
      const twin = (folded ?? root.folded).get(foldName(key));
      if (twin !== undefined) return keyCase(key, twin);
      const refused = refusedName(key, (columns ?? root.fields).size);
      if (refused !== undefined) return refused;
      folded ??= new Map(root.folded);
      folded.set(foldName(key), key);
    }
    const next = widenOrJson(run, key, known ?? UNDECIDED_SHAPE, value, options);
    if (next.kind === 'fault') return next;
    if (next === known) continue;
    columns ??= new Map(root.fields);
    columns.set(key, next);
  }
  for (const name of options.primaryKey) {
    const value = seen.get(name);
    if (value === undefined || value.kind === 'null') return nullKey(name);
  }
  return columns === undefined ? root : { ...root, fields: columns, folded: folded ?? root.folded };
}

/** Under `on_conflict = "json"` a column that does not fit becomes json; declared columns and keys never do. */
function widenOrJson(
  run: Widening,
  name: string,
  shape: Shape,
  value: JsonValue,
  options: RootOptions,
): Shape | Fault {
  const next = widenColumn(run, name, shape, value);
  if (next.kind !== 'fault' || next.code !== 'record.type_conflict') return next;
  const fixed = options.onConflict === 'quarantine' || options.primaryKey.includes(name) || isDeclared(shape);
  return fixed ? next : JSON_SHAPE;
}

function isDeclared(shape: Shape): boolean {
  return 'hold' in shape && shape.hold === 'declared';
}

function refusedMarker(
  key: string,
  value: JsonValue,
  run: Widening,
  options: RootOptions,
): Fault | undefined {
  if (key !== DELETE_MARKER) return reservedKey(key);
  if (value.kind !== 'boolean' && value.kind !== 'null') {
    return fault('record.type_conflict', `${key} is true or false, the record has something else`, key);
  }
  if (options.keyed || run.line[value.start] !== LETTER_T) return undefined;
  return fault('record.delete_without_key', 'the record deletes a row of a table without a key', key);
}

function reservedKey(key: string): Fault {
  return fault('record.reserved_key', `the key ${key} starts with ${RESERVED_PREFIX}`, key);
}

function nullKey(name: string): Fault {
  return fault('record.null_key', `the key column ${name} has no value`, name);
}

function refusedName(key: string, columns: number): Fault | undefined {
  if (columns >= MAX_COLUMNS) {
    return fault(
      'record.type_conflict',
      `the table has ${MAX_COLUMNS} columns and takes no more: ${shown(key)} is new`,
    );
  }
  if (key === '' || key.includes('\u0000') || Buffer.byteLength(key) > MAX_NAME_BYTES) {
    return fault('record.type_conflict', `${shown(key)} cannot be the name of a column`);
  }
  return undefined;
}

function shown(key: string): string {
  return JSON.stringify(key.slice(0, 80));
}
