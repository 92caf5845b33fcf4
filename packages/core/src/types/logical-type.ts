/**
 * The types a column can have. Each has one form in Parquet, one in Arrow's JSON schema, one in SQL.
 * `undecided` is a column that has only been null so far: it is in the schema, not in the files.
 */
export type LogicalType =
  | { readonly kind: 'undecided' }
  | { readonly kind: ScalarKind }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly item: LogicalType }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] };

export type ScalarKind =
  | 'boolean'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'double'
  | 'string'
  | 'bytes'
  | 'date'
  | 'time'
  /** A moment, in microseconds since 1970 UTC. */
  | 'timestamp'
  /** A date and time of day without a zone, in microseconds. */
  | 'datetime'
  /** JSON text, kept as it came. */
  | 'json';

export interface Field {
  readonly name: string;
  readonly type: LogicalType;
}

export type StructType = Extract<LogicalType, { kind: 'struct' }>;
export type ListType = Extract<LogicalType, { kind: 'list' }>;

export const UNDECIDED: LogicalType = { kind: 'undecided' };
export const JSON_TYPE: LogicalType = { kind: 'json' };

const INTEGERS: readonly LogicalType['kind'][] = ['int8', 'int16', 'int32', 'int64'];

export function isInteger(type: LogicalType): boolean {
  return INTEGERS.includes(type.kind);
}

/** Structural equality; the order of a struct's fields counts. */
export function sameType(a: LogicalType, b: LogicalType): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'decimal' && b.kind === 'decimal') return a.precision === b.precision && a.scale === b.scale;
  if (a.kind === 'list' && b.kind === 'list') return sameType(a.item, b.item);
  if (a.kind === 'struct' && b.kind === 'struct') {
    return (
      a.fields.length === b.fields.length &&
      a.fields.every((field, i) => {
        const other = b.fields[i];
        return other !== undefined && field.name === other.name && sameType(field.type, other.type);
      })
    );
  }
  return true;
}

/** How the type is written in a manifest and shown to people: `int64`, `decimal(18,2)`, `struct<a: int64>`. */
export function typeName(type: LogicalType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'list':
      return `${typeName(type.item)}[]`;
    case 'struct':
      return `struct<${type.fields.map((f) => `${fieldName(f.name)}: ${typeName(f.type)}`).join(', ')}>`;
    default:
      return type.kind;
  }
}

/** Quoted unless it is a plain word, so that `parseTypeName` reads back what was written. */
function fieldName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
