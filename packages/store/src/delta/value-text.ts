import { HakiriError, type JsonValue, type LogicalType, nearest, typeName } from '@hakiri/core';
import { momentText, parseDate, parseDatetime, parseTime, parseTimestamp, timeText } from './moments.ts';

const INTEGER_BITS = { int8: 8n, int16: 16n, int32: 32n, int64: 64n } as const;
const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'];
const DECIMAL = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/;

/**
 * A value as the JSON that stands in the file, from the one JSON form of values: integers past 2^53 and decimals
 * as text, bytes as base64, times as ISO 8601.
 * @param path the column, with the fields below it, for the error
 * @throws HakiriError record.type_conflict, record.unknown_column
 */
export function valueText(value: JsonValue, type: LogicalType, path: string): string {
  const text = value === null ? 'null' : textOf(value, type, path);
  if (text === undefined) {
    throw new HakiriError(
      'record.type_conflict',
      `A value of column ${path} is not ${typeName(type)}: nothing was written`,
      { hint: HINTS[type.kind] ?? `Send ${typeName(type)}, or null.`, details: { column: path } },
    );
  }
  return text;
}

/** @returns undefined where the value is not of the type */
function textOf(value: JsonValue, type: LogicalType, path: string): string | undefined {
  switch (type.kind) {
    case 'undecided':
      return undefined;
    case 'boolean':
      return typeof value === 'boolean' ? String(value) : undefined;
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return integerOf(value, INTEGER_BITS[type.kind])?.toString();
    case 'double':
      if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
      return typeof value === 'string' && NOT_FINITE.includes(value) ? `"${value}"` : undefined;
    case 'decimal': {
      const unscaled = decimalOf(value, type);
      return unscaled === undefined ? undefined : `"${decimalText(unscaled, type.scale)}"`;
    }
    case 'string':
      return typeof value === 'string' ? wellFormedJson(value) : undefined;
    case 'bytes': {
      const isBase64 = typeof value === 'string' && Buffer.from(value, 'base64').toString('base64') === value;
      return isBase64 ? `"${value}"` : undefined;
    }
    case 'date':
      return typeof value === 'string' && parseDate(value) !== undefined ? `"${value}"` : undefined;
    case 'time': {
      const micros = typeof value === 'string' ? parseTime(value) : undefined;
      return micros === undefined ? undefined : `"${timeText(micros)}"`;
    }
    case 'timestamp': {
      const micros = typeof value === 'string' ? parseTimestamp(value) : undefined;
      return micros === undefined ? undefined : `"${momentText(micros)}Z"`;
    }
    case 'datetime': {
      const micros = typeof value === 'string' ? parseDatetime(value) : undefined;
      return micros === undefined ? undefined : `"${momentText(micros)}"`;
    }
    case 'json':
      return wellFormedJson(value);
    case 'list':
      if (!Array.isArray(value)) return undefined;
      return `[${value.map((item) => valueText(item, type.item, `${path}[]`)).join(',')}]`;
    case 'struct': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
      requireKnown(
        Object.keys(value),
        type.fields.map(({ name }) => name),
        `${path}.`,
      );
      const fields = type.fields.flatMap((field) => {
        const inner = Object.hasOwn(value, field.name) ? value[field.name] : undefined;
        if (inner === undefined) return [];
        return [`${JSON.stringify(field.name)}:${valueText(inner, field.type, `${path}.${field.name}`)}`];
      });
      return `{${fields.join(',')}}`;
    }
  }
}

/** @throws HakiriError record.unknown_column */
export function requireKnown(names: readonly string[], known: readonly string[], prefix = ''): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = nearest(unknown, known);
  throw new HakiriError(
    'record.unknown_column',
    `There is no column ${prefix}${unknown}: nothing was written`,
    {
      hint: meant === undefined ? `There are: ${known.join(', ')}.` : `Did you mean ${prefix}${meant}?`,
      details: { column: `${prefix}${unknown}` },
    },
  );
}

/** An integer of so many bits; past 2^53 only as text, since a number has lost its digits by then. */
export function integerOf(value: JsonValue, bits: bigint): bigint | undefined {
  const isInteger =
    typeof value === 'number'
      ? Number.isSafeInteger(value)
      : typeof value === 'string' && bits === 64n && /^-?\d{1,19}$/.test(value);
  if (!isInteger) return undefined;
  const integer = BigInt(value as number | string);
  return BigInt.asIntN(Number(bits), integer) === integer ? integer : undefined;
}

/** The digits of a decimal without its point, if it has no more of them than its type. */
export function decimalOf(
  value: JsonValue,
  { precision, scale }: { readonly precision: number; readonly scale: number },
): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const [, sign, whole = '', fraction = ''] = /\d/.test(String(value))
    ? (DECIMAL.exec(String(value)) ?? [])
    : [];
  if (sign === undefined || fraction.length > scale || whole.length > precision - scale) return undefined;
  const digits = BigInt(`${whole}${fraction.padEnd(scale, '0')}` || '0');
  return sign === '-' ? -digits : digits;
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const point = digits.length - scale;
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return unscaled < 0n ? `-${text}` : text;
}

/** The engine refuses a line with half a surrogate pair in it; it becomes U+FFFD. */
function wellFormedJson(value: JsonValue): string | undefined {
  // Undefined for what is no JSON after all, a function for example.
  const text = JSON.stringify(value) as string | undefined;
  return text?.includes('\\ud') ? JSON.stringify(wellFormed(value)) : text;
}

function wellFormed(value: JsonValue): JsonValue {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner)]),
  );
}

const HINTS: Partial<Record<LogicalType['kind'], string>> = {
  int64: 'Send an integer; past 2^53 as text.',
  decimal: 'Send a decimal as text, with no more digits than its type has.',
  bytes: 'Send bytes as base64, with its padding.',
  date: 'Send a date as 2026-11-01.',
  time: 'Send a time of day as 10:00:00.',
  timestamp: 'Send a moment as 2026-11-01T10:00:00Z.',
  datetime: 'Send a date and time without a zone as 2026-11-01T10:00:00.',
  undecided: 'Declare a type for the column.',
};
