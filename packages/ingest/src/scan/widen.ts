import { typeName } from '@hakiri/core';
import { looksLikeData, MAX_STRUCT_KEYS } from './data-keys.ts';
import { fitsDecimal } from './decimals.ts';
import { type Fault, fault } from './fault.ts';
import { inRange, integerOf, integerRange, isExactDouble, narrowestKind } from './integers.ts';
import { type JsonValue, type Member, type NumberValue, type ObjectValue, textOf } from './record-reader.ts';
import {
  EMPTY_SHAPE,
  foldName,
  JSON_SHAPE,
  type ScalarShape,
  type Shape,
  type StructShape,
  scalarShape,
  structShape,
  typeOf,
  UNDECIDED_SHAPE,
} from './shape.ts';

/** Structs and lists nest no deeper than this in a type; what is below is json. */
const MAX_TYPE_DEPTH = 32;

/** What the steps of one record share. */
export interface Widening {
  readonly line: Buffer;
  /** Keys a declared struct does not have are passed over. */
  readonly open: boolean;
  /** How many more fields the schema may get. */
  fieldsLeft: number;
}

/** Where in the schema a value stands. */
interface Place {
  readonly run: Widening;
  readonly path: string;
  readonly depth: number;
}

/** The shape that takes the value and everything it took before, or why there is none. The same object if nothing changes. */
export function widenColumn(run: Widening, name: string, shape: Shape, value: JsonValue): Shape | Fault {
  return widen(shape, value, { run, path: name, depth: 1 });
}

function widen(shape: Shape, value: JsonValue, place: Place): Shape | Fault {
  if (value.kind === 'null') return shape;
  switch (shape.kind) {
    case 'undecided':
      return infer(value, place);
    case 'empty':
      if (value.kind !== 'object') return JSON_SHAPE;
      return value.members.length === 0 ? shape : infer(value, place);
    case 'scalar':
      return widenScalar(shape, value, place);
    case 'list': {
      if (value.kind !== 'array') return conflict(shape, value, place);
      const item = widenItem(shape.item, value.items, place);
      if (item.kind === 'fault') return item;
      return item === shape.item ? shape : { ...shape, item };
    }
    case 'struct':
      return value.kind === 'object' ? widenStruct(shape, value, place) : conflict(shape, value, place);
  }
}

function infer(value: JsonValue, place: Place): Shape | Fault {
  switch (value.kind) {
    case 'null':
      return UNDECIDED_SHAPE;
    case 'boolean':
    case 'string':
      return scalarShape({ kind: value.kind }, 'fluid');
    case 'number':
      return inferNumber(value, place);
    case 'array': {
      if (place.depth === MAX_TYPE_DEPTH) return JSON_SHAPE;
      const item = widenItem(UNDECIDED_SHAPE, value.items, place);
      return item.kind === 'fault' ? item : { kind: 'list', item, hold: 'fluid' };
    }
    case 'object':
      if (value.members.length === 0) return EMPTY_SHAPE;
      if (place.depth === MAX_TYPE_DEPTH) return JSON_SHAPE;
      return widenStruct(structShape(new Map(), 'fluid'), value, place);
  }
}

function inferNumber(value: NumberValue, place: Place): Shape | Fault {
  if (!value.integer) {
    if (Number.isFinite(Number(value.token))) return scalarShape({ kind: 'double' }, 'fluid');
    return fault('record.type_conflict', `${place.path}: a number is too large for a double`, place.path);
  }
  const integer = BigInt(value.token);
  if (narrowestKind(integer) === undefined) return DECIMAL_TEXT;
  return { ...scalarShape({ kind: 'int64' }, 'fluid'), wide: !isExactDouble(integer) };
}

const DECIMAL_TEXT: Shape = { ...scalarShape({ kind: 'string' }, 'fluid'), decimalText: true };

function widenItem(shape: Shape, items: readonly JsonValue[], place: Place): Shape | Fault {
  const inside = { run: place.run, path: `${place.path}[]`, depth: place.depth + 1 };
  let item = shape;
  for (const value of items) {
    const next = widen(item, value, inside);
    if (next.kind === 'fault') return next;
    item = next;
  }
  return item;
}

function widenStruct(shape: StructShape, value: ObjectValue, place: Place): Shape | Fault {
  if (shape.hold !== 'declared' && isMap(shape, value.members, place.run)) return JSON_SHAPE;
  return widenMembers(shape, value.members, place);
}

/** Whether the struct with these members is a map from data to data, or more than a schema should hold. */
function isMap(shape: StructShape, members: readonly Member[], run: Widening): boolean {
  const fresh = new Set<string>();
  for (const { key } of members) if (!shape.fields.has(key)) fresh.add(key);
  if (fresh.size === 0) return false;
  if (shape.fields.size + fresh.size > MAX_STRUCT_KEYS || fresh.size > run.fieldsLeft) return true;
  for (const key of fresh) if (looksLikeData(key)) return true;
  return false;
}

function widenMembers(shape: StructShape, members: readonly Member[], place: Place): StructShape | Fault {
  const seen = new Set<string>();
  let fields: Map<string, Shape> | undefined;
  let folded: Map<string, string> | undefined;
  for (const { key, value } of members) {
    const path = `${place.path}.${key}`;
    const known = (fields ?? shape.fields).get(key);
    if (known === undefined && place.run.open) continue;
    if (seen.has(key)) return duplicateKey(path);
    seen.add(key);
    if (known === undefined) {
      const twin = (folded ?? shape.folded).get(foldName(key));
      if (twin !== undefined) return keyCase(path, twin);
      if (shape.hold === 'declared') return undeclaredKey(path);
      place.run.fieldsLeft--;
      folded ??= new Map(shape.folded);
      folded.set(foldName(key), key);
    }
    const next = widen(known ?? UNDECIDED_SHAPE, value, { run: place.run, path, depth: place.depth + 1 });
    if (next.kind === 'fault') return next;
    if (next === known) continue;
    fields ??= new Map(shape.fields);
    fields.set(key, next);
  }
  return fields === undefined ? shape : { ...shape, fields, folded: folded ?? shape.folded };
}

export function duplicateKey(path: string): Fault {
  return fault('record.duplicate_key', `the key ${path} stands twice in one object`, path);
}

export function keyCase(path: string, twin: string): Fault {
  return fault('record.key_case', `the key ${path} differs from ${twin} only in case`, path);
}

function undeclaredKey(path: string): Fault {
  return fault('record.type_conflict', `the declared type has no field ${path}`, path);
}

function widenScalar(shape: ScalarShape, value: JsonValue, place: Place): Shape | Fault {
  const kind = shape.type.kind;
  if (kind === 'json') return shape;
  if (kind === 'boolean') return value.kind === 'boolean' ? shape : conflict(shape, value, place);
  if (value.kind === 'number') return widenByNumber(shape, value) ?? conflict(shape, value, place);
  if (value.kind !== 'string' || kind === 'double') return conflict(shape, value, place);
  return takesText(shape, value, place) ? shape : conflict(shape, value, place);
}

function takesText(shape: ScalarShape, { start, end }: JsonValue, place: Place): boolean {
  const { type } = shape;
  if (type.kind === 'bytes') return isBase64(textOf(place.run.line, start, end));
  if (type.kind === 'decimal') return fitsDecimal(textOf(place.run.line, start, end), type);
  return integerRange(type) === undefined || isDeclaredInteger(shape, textOf(place.run.line, start, end));
}

/** Exactly the text that its bytes are written as: nothing is passed over on the way in. */
function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}

/** Databases send 64-bit integers as text; only a declaration says that the text is one. */
function isDeclaredInteger(shape: ScalarShape, text: string): boolean {
  const range = integerRange(shape.type);
  if (shape.hold !== 'declared' || range === undefined) return false;
  return text.length <= 20 && /^(0|-?[1-9]\d*)$/.test(text) && inRange(range, BigInt(text));
}

function widenByNumber(shape: ScalarShape, value: NumberValue): Shape | undefined {
  switch (shape.type.kind) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return widenInteger(shape, value);
    case 'double':
      return fitsDouble(value) ? shape : undefined;
    case 'decimal':
      return fitsDecimal(value.token, shape.type) ? shape : undefined;
    case 'string':
      return widenText(shape, value);
    default:
      return undefined;
  }
}

/**
 * Text that was inferred takes integers past 64 bits, since that is where they go; from the first one on the
 * column takes every integer. A schema does not say whether its text ever held one.
 */
function widenText(shape: ScalarShape, value: NumberValue): Shape | undefined {
  if (shape.hold === 'declared') return undefined;
  if (shape.decimalText) return value.integer || integerOf(value.token) !== undefined ? shape : undefined;
  const isLarge = value.integer && narrowestKind(BigInt(value.token)) === undefined;
  return isLarge ? { ...shape, decimalText: true } : undefined;
}

function fitsDouble(value: NumberValue): boolean {
  return value.integer ? isExactDouble(BigInt(value.token)) : Number.isFinite(Number(value.token));
}

function widenInteger(shape: ScalarShape, value: NumberValue): Shape | undefined {
  const integer = integerOf(value.token);
  const range = integerRange(shape.type);
  if (integer !== undefined && range !== undefined && inRange(range, integer)) {
    if (shape.hold !== 'fluid' || shape.wide || isExactDouble(integer)) return shape;
    return { ...shape, wide: true };
  }
  if (shape.hold === 'declared') return undefined;
  const wider = integer === undefined ? undefined : narrowestKind(integer);
  if (wider !== undefined) return { ...shape, type: { kind: wider } };
  if (shape.hold !== 'fluid') return undefined;
  if (value.integer) return DECIMAL_TEXT;
  return !shape.wide && fitsDouble(value) ? scalarShape({ kind: 'double' }, 'fluid') : undefined;
}

/** Types and kinds, never the value. */
function conflict(shape: Shape, value: JsonValue, place: Place): Fault {
  const type = typeOf(shape);
  const held = type.kind === 'struct' ? 'an object' : type.kind === 'list' ? 'a list' : typeName(type);
  return fault(
    'record.type_conflict',
    `${place.path} holds ${held}, the record has ${nameOf(value)}`,
    place.path,
  );
}

function nameOf(value: JsonValue): string {
  switch (value.kind) {
    case 'number':
      return value.integer ? 'an integer it cannot hold' : 'a number it cannot hold';
    case 'array':
      return 'a list';
    case 'object':
      return 'an object';
    default:
      return `a ${value.kind}`;
  }
}
