import type { Column, Field, LogicalType, TableSchema } from '@hakiri/core';
import { JSON_TYPE, UNDECIDED } from '@hakiri/core';

/**
 * How firmly a type is settled. `fluid`: inferred in this run, no part written with it yet. `kept`: a part
 * holds it, so it only widens without loss. `declared`: data never changes it.
 */
export type Hold = 'fluid' | 'kept' | 'declared';

/** What is known of a value's type: a LogicalType with what inference must remember beside it. Immutable. */
export type Shape = UndecidedShape | EmptyShape | ScalarShape | ListShape | StructShape;

export interface UndecidedShape {
  readonly kind: 'undecided';
}

/** Only `{}` was seen. A struct without fields cannot be written, so it is shown as json until a key comes. */
export interface EmptyShape {
  readonly kind: 'empty';
}

export interface ScalarShape {
  readonly kind: 'scalar';
  readonly type: Exclude<LogicalType, { kind: 'list' | 'struct' | 'undecided' }>;
  readonly hold: Hold;
  /** int64: an integer past 2^53 was seen, so it can never become a double. */
  readonly wide: boolean;
  /** string: holds integers too large for 64 bits, so numbers are quoted rather than refused. */
  readonly decimalText: boolean;
}

export interface ListShape {
  readonly kind: 'list';
  readonly item: Shape;
  readonly hold: Hold;
}

export interface StructShape {
  readonly kind: 'struct';
  readonly fields: ReadonlyMap<string, Shape>;
  /** Field names by their folded form. */
  readonly folded: ReadonlyMap<string, string>;
  readonly hold: Hold;
}

export const UNDECIDED_SHAPE: Shape = { kind: 'undecided' };
export const EMPTY_SHAPE: Shape = { kind: 'empty' };
export const JSON_SHAPE: Shape = scalarShape(JSON_TYPE as ScalarShape['type'], 'fluid');

export function scalarShape(type: ScalarShape['type'], hold: Hold): ScalarShape {
  return { kind: 'scalar', type, hold, wide: false, decimalText: false };
}

/** The form of a name in which the engine compares: ASCII letters without case. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

export function structShape(fields: ReadonlyMap<string, Shape>, hold: Hold): StructShape {
  const folded = new Map<string, string>();
  for (const name of fields.keys()) folded.set(foldName(name), name);
  return { kind: 'struct', fields, folded, hold };
}

export function shapeOf(type: LogicalType, hold: Hold): Shape {
  switch (type.kind) {
    case 'undecided':
      return UNDECIDED_SHAPE;
    case 'list':
      return { kind: 'list', item: shapeOf(type.item, hold), hold };
    case 'struct':
      return structShape(new Map(type.fields.map((field) => [field.name, shapeOf(field.type, hold)])), hold);
    default:
      return scalarShape(type as ScalarShape['type'], hold);
  }
}

export function typeOf(shape: Shape): LogicalType {
  switch (shape.kind) {
    case 'undecided':
      return UNDECIDED;
    case 'empty':
      return JSON_TYPE;
    case 'scalar':
      return shape.type;
    case 'list':
      return { kind: 'list', item: typeOf(shape.item) };
    case 'struct':
      return { kind: 'struct', fields: fieldsOf(shape) };
  }
}

function fieldsOf(shape: StructShape): Field[] {
  return Array.from(shape.fields, ([name, field]) => ({ name, type: typeOf(field) }));
}

export function schemaOf(root: StructShape): TableSchema {
  return { columns: fieldsOf(root) satisfies Column[] };
}

/** The same shape once a part is written with it. */
function keepShape(shape: Shape): Shape {
  switch (shape.kind) {
    case 'undecided':
      return shape;
    case 'empty':
      return scalarShape(JSON_TYPE as ScalarShape['type'], 'kept');
    case 'scalar':
      return shape.hold === 'fluid' ? { ...shape, hold: 'kept' } : shape;
    case 'list':
      return { ...shape, item: keepShape(shape.item), hold: kept(shape.hold) };
    case 'struct':
      return keepStruct(shape);
  }
}

export function keepStruct(shape: StructShape): StructShape {
  const fields = new Map(Array.from(shape.fields, ([name, field]) => [name, keepShape(field)]));
  return { ...shape, fields, hold: kept(shape.hold) };
}

function kept(hold: Hold): Hold {
  return hold === 'fluid' ? 'kept' : hold;
}

/** How many types the shape holds, itself included. */
export function countShapes(shape: Shape): number {
  if (shape.kind === 'list') return 1 + countShapes(shape.item);
  if (shape.kind !== 'struct') return 1;
  let sum = 1;
  for (const field of shape.fields.values()) sum += countShapes(field);
  return sum;
}
