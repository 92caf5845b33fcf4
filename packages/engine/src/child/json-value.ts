import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { JsonValue } from '@hakiri/core';

/**
 * The one JSON form of a value on every way out: integers past 2^53 and decimals as text, bytes as base64,
 * times as ISO 8601, JSON columns as the JSON they hold.
 */
export function jsonValue(value: DuckDBValue, type: DuckDBType): JsonValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return type.alias === 'JSON' ? jsonText(value) : value;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return safeInteger(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof DuckDBListValue && type.typeId === DuckDBTypeId.LIST) {
    return value.items.map((item) => jsonValue(item, type.valueType));
  }
  if (value instanceof DuckDBStructValue && type.typeId === DuckDBTypeId.STRUCT) {
    return Object.fromEntries(
      type.entryNames.map((name, i) => [
        name,
        jsonValue(value.entries[name] ?? null, type.entryTypes[i] as DuckDBType),
      ]),
    );
  }
  if (value instanceof DuckDBMapValue && type.typeId === DuckDBTypeId.MAP) {
    return value.entries.map((entry) => ({
      key: jsonValue(entry.key, type.keyType),
      value: jsonValue(entry.value, type.valueType),
    }));
  }
  if (value instanceof DuckDBTimestampTZValue) return isoMoment(value.micros, 'Z');
  if (value instanceof DuckDBTimestampValue) return isoMoment(value.micros, '');
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64');
  if (value instanceof DuckDBDateValue) return value.toString();
  return String(value);
}

function safeInteger(value: bigint): JsonValue {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function isoMoment(micros: bigint, zone: string): string {
  const ms = micros / 1000n - (micros % 1000n < 0n ? 1n : 0n);
  const date = new Date(Number(ms));
  // Past the range of Date (year 275760) the engine's own text must do.
  if (Number.isNaN(date.getTime())) return `${micros}us`;
  const rest = Number(micros - ms * 1000n);
  const iso = date.toISOString();
  const seconds = iso.slice(0, iso.indexOf('.'));
  const fraction = `${iso.slice(iso.indexOf('.') + 1, -1)}${String(rest).padStart(3, '0')}`.replace(
    /0+$/,
    '',
  );
  return `${seconds}${fraction === '' ? '' : `.${fraction}`}${zone}`;
}

/** JSON text as a value, integers that a double cannot hold as text. */
function jsonText(text: string): JsonValue {
  try {
    return JSON.parse(text, function (this: unknown, _key, value: unknown, context?: { source?: string }) {
      if (typeof value !== 'number' || context?.source === undefined) return value;
      return /^-?\d+$/.test(context.source) && !Number.isSafeInteger(value) ? context.source : value;
    } as (key: string, value: unknown) => unknown) as JsonValue;
  } catch {
    return text;
  }
}
