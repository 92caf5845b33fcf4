import { isInteger, type JsonValue, type LogicalType } from '@hakiri/core';

/**
 * A value in the one JSON form that the engine's way out gives it; undefined where only the engine can tell. Never
 * a guess: what is not surely the same is left to the engine.
 */
export function oneJsonForm(value: JsonValue | undefined, type: LogicalType): JsonValue | undefined {
  if (value === null || value === undefined) return null;
  if (isInteger(type)) return integer(value);
  switch (type.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'double':
      return typeof value === 'number' || value === 'NaN' || value === 'Infinity' || value === '-Infinity'
        ? value
        : undefined;
    case 'bytes':
      return typeof value === 'string' && Buffer.from(value, 'base64').toString('base64') === value
        ? value
        : undefined;
    case 'date':
      return typeof value === 'string' && isDate(value) ? value : undefined;
    case 'timestamp':
      return typeof value === 'string' ? moment(value) : undefined;
    case 'datetime':
      return typeof value === 'string' ? dateAndTime(value) : undefined;
    case 'decimal':
      return decimal(value, type.scale);
    case 'json':
      return typeof value !== 'string' && holdsOnlySafeNumbers(value) ? value : undefined;
    case 'list':
      return Array.isArray(value) ? every(value, (item) => oneJsonForm(item, type.item)) : undefined;
    case 'struct':
      return struct(value, type.fields);
    default:
      return undefined;
  }
}

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

function integer(value: JsonValue): JsonValue | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : undefined;
  if (typeof value !== 'string' || !/^-?(?:0|[1-9]\d{0,18})$/.test(value)) return undefined;
  const big = BigInt(value);
  if (big < INT64.min || big > INT64.max) return undefined;
  const number = Number(big);
  return Number.isSafeInteger(number) ? number : big.toString();
}

function decimal(value: JsonValue, scale: number): string | undefined {
  const [, sign = '', whole, fraction = ''] = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/.exec(String(value)) ?? [];
  if (whole === undefined || fraction.length > scale) return undefined;
  const digits = scale === 0 ? whole : `${whole}.${fraction.padEnd(scale, '0')}`;
  return /[1-9]/.test(digits) ? `${sign}${digits}` : digits;
}

const DATE_TIME = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)?$/;

function moment(text: string): string | undefined {
  const [, date, time, fraction = '', zone] = DATE_TIME.exec(text) ?? [];
  if (date === undefined || time === undefined || zone === undefined || !isDate(date)) return undefined;
  const ms = Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return `${new Date(ms).toISOString().slice(0, -5)}${shortFraction(fraction)}Z`;
}

function dateAndTime(text: string): string | undefined {
  const [, date, time, fraction = '', zone] = DATE_TIME.exec(text) ?? [];
  if (date === undefined || time === undefined || zone !== undefined || !isDate(date)) return undefined;
  if (Number.isNaN(Date.parse(`${date}T${time}Z`)) || time.startsWith('24')) return undefined;
  return `${date}T${time}${shortFraction(fraction)}`;
}

function shortFraction(digits: string): string {
  const kept = digits.replace(/0+$/, '');
  return kept === '' ? '' : `.${kept}`;
}

function isDate(text: string): boolean {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

function holdsOnlySafeNumbers(value: JsonValue): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (value === null || typeof value !== 'object') return true;
  return Object.values(value).every(holdsOnlySafeNumbers);
}

function struct(
  value: JsonValue,
  fields: readonly { readonly name: string; readonly type: LogicalType }[],
): JsonValue | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const known = new Set(fields.map(({ name }) => name));
  if (Object.keys(value).some((name) => !known.has(name))) return undefined;
  const inside = every(fields, ({ name, type }) => oneJsonForm(value[name], type));
  return inside && Object.fromEntries(fields.map(({ name }, i) => [name, inside[i] ?? null]));
}

function every<T>(items: readonly T[], form: (item: T) => JsonValue | undefined): JsonValue[] | undefined {
  const formed: JsonValue[] = [];
  for (const item of items) {
    const one = form(item);
    if (one === undefined) return undefined;
    formed.push(one);
  }
  return formed;
}
