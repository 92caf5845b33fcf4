import {
  type Field,
  isInteger,
  JSON_TYPE,
  type LogicalType,
  type StructType,
  sameType,
} from './logical-type.ts';

/** An object with more keys than this is kept as JSON text. */
export const MAX_STRUCT_FIELDS = 200;

const MAX_DECIMAL_DIGITS = 38;

/** Digits that the largest value of an integer type has, and the order of the types by size. */
const INTEGER_DIGITS = { int8: 3, int16: 5, int32: 10, int64: 19 } as const;

/**
 * The smallest type that holds every value of both types without loss, or undefined when there is none.
 * An integer is never widened to a double, and of all types only a struct becomes JSON by itself.
 * Fields of structs match by exact name; names that differ only in case are a conflict.
 */
export function widen(from: LogicalType, to: LogicalType): LogicalType | undefined {
  if (from.kind === 'undecided' || sameType(from, to)) return to;
  if (to.kind === 'undecided') return from;
  if (isNumeric(from) && isNumeric(to)) return widenNumbers(from, to);
  if (from.kind === 'list' && to.kind === 'list') {
    const item = widen(from.item, to.item);
    return item && { kind: 'list', item };
  }
  if (from.kind === 'struct' && to.kind === 'struct') return widenStructs(from, to);
  if (from.kind === 'struct' && to.kind === 'json') return to;
  if (from.kind === 'json' && to.kind === 'struct') return from;
  return undefined;
}

function isNumeric(type: LogicalType): boolean {
  return isInteger(type) || type.kind === 'decimal';
}

function widenNumbers(from: LogicalType, to: LogicalType): LogicalType | undefined {
  if (isInteger(from) && isInteger(to)) return integerDigits(from) >= integerDigits(to) ? from : to;
  const scale = Math.max(scaleOf(from), scaleOf(to));
  const precision = Math.max(integerDigits(from), integerDigits(to)) + scale;
  return precision <= MAX_DECIMAL_DIGITS ? { kind: 'decimal', precision, scale } : undefined;
}

function scaleOf(type: LogicalType): number {
  return type.kind === 'decimal' ? type.scale : 0;
}

function integerDigits(type: LogicalType): number {
  if (type.kind === 'decimal') return type.precision - type.scale;
  return INTEGER_DIGITS[type.kind as keyof typeof INTEGER_DIGITS];
}

function widenStructs(from: StructType, to: StructType): LogicalType | undefined {
  const fields: Field[] = [];
  const incoming = new Map(to.fields.map((field) => [field.name, field]));
  const lowerCase = new Set<string>();
  for (const field of from.fields) {
    const other = incoming.get(field.name);
    const type = other === undefined ? field.type : widen(field.type, other.type);
    if (type === undefined) return undefined;
    incoming.delete(field.name);
    lowerCase.add(field.name.toLowerCase());
    fields.push({ name: field.name, type });
  }
  for (const field of incoming.values()) {
    if (lowerCase.has(field.name.toLowerCase())) return undefined;
    fields.push(field);
  }
  return fields.length > MAX_STRUCT_FIELDS ? JSON_TYPE : { kind: 'struct', fields };
}
