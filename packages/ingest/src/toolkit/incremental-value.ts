/** The JSON text of an incremental column's value: `"2026-01-01T00:00:00Z"`, `1700000000`, `"abc"`. */
export type IncrementalValue = string;

/** How an incremental value is written into a request. */
export type IncrementalFormat = 'iso' | 'unix' | 'unix_ms' | 'raw';

/**
 * Negative, zero or positive as `a` is before, at or after `b`. Numbers by size, integers of any length exactly;
 * times by the moment they name, whatever their zone and precision; other text by code units.
 */
export function compareIncremental(a: IncrementalValue, b: IncrementalValue): number {
  if (a === b) return 0;
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  const textA = textOf(a);
  const textB = textOf(b);
  const momentA = momentNs(textA);
  const momentB = momentNs(textB);
  if (momentA !== undefined && momentB !== undefined) return compare(momentA, momentB);
  return compare(textA, textB);
}

/** The greater of two values; one that is missing is the lesser. */
export function greaterIncremental(
  a: IncrementalValue | undefined,
  b: IncrementalValue | undefined,
): IncrementalValue | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareIncremental(a, b) >= 0 ? a : b;
}

/**
 * The value as a request parameter, `lookbackMs` earlier. A value that names no time cannot go back and is sent
 * as it is, and so is every value in `raw`.
 */
export function formatIncremental(
  value: IncrementalValue,
  format: IncrementalFormat,
  lookbackMs: number,
): string {
  const text = textOf(value);
  if (format === 'raw') return text;
  const timeNs = momentNs(text) ?? epochNs(text, format);
  if (timeNs === undefined) return text;
  const shifted = timeNs - BigInt(Math.round(lookbackMs)) * NS_PER_MS;
  switch (format) {
    case 'iso':
      return lookbackMs === 0 && momentNs(text) !== undefined ? text : isoText(shifted);
    case 'unix':
      return String(floorDivide(shifted, NS_PER_SECOND));
    case 'unix_ms':
      return String(floorDivide(shifted, NS_PER_MS));
  }
}

/** The value moved back by the lookback, as a value again: what a list in descending order is read down to. */
export function lookBack(
  value: IncrementalValue,
  format: IncrementalFormat,
  lookbackMs: number,
): IncrementalValue {
  if (lookbackMs === 0 || format === 'raw') return value;
  if (!isNumber(value)) return JSON.stringify(formatIncremental(value, 'iso', lookbackMs));
  const shifted = epochNs(value, format);
  if (shifted === undefined) return value;
  const back = shifted - BigInt(Math.round(lookbackMs)) * NS_PER_MS;
  return String(floorDivide(back, isSeconds(value, format) ? NS_PER_SECOND : NS_PER_MS));
}

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

function isNumber(value: IncrementalValue): boolean {
  return /^-?\d/.test(value);
}

function textOf(value: IncrementalValue): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}

function compare<T extends string | number | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const INTEGER = /^-?\d+$/;

function compareNumbers(a: string, b: string): number {
  return INTEGER.test(a) && INTEGER.test(b) ? compare(BigInt(a), BigInt(b)) : compare(Number(a), Number(b));
}

const MOMENT =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d+))?\s?(Z|[+-]\d{2}:?\d{2})?)?$/i;

/** Nanoseconds since 1970 of an ISO 8601 time; without a zone it is UTC. */
function momentNs(text: string): bigint | undefined {
  const match = MOMENT.exec(text);
  if (match === null) return undefined;
  const [, date, time = '00:00:00', fraction = '', zone = 'Z'] = match;
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : zone.replace(/^([+-]\d{2}):?(\d{2})$/, '$1:$2');
  const ms = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}${offset}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * NS_PER_MS + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

/** A number of seconds or milliseconds since 1970, as nanoseconds. */
function epochNs(text: string, format: IncrementalFormat): bigint | undefined {
  if (!INTEGER.test(text)) {
    const value = Number(text);
    if (!isNumber(text) || !Number.isFinite(value)) return undefined;
    return BigInt(Math.floor(value * (isSeconds(text, format) ? 1e9 : 1e6)));
  }
  return BigInt(text) * (isSeconds(text, format) ? NS_PER_SECOND : NS_PER_MS);
}

/** Counted in seconds, 1e11 is the year 5138: what is beyond it counts milliseconds. */
function isSeconds(text: string, format: IncrementalFormat): boolean {
  return format === 'unix' || (format === 'iso' && Math.abs(Number(text)) < 1e11);
}

function isoText(ns: bigint): string {
  return new Date(Number(floorDivide(ns, NS_PER_MS))).toISOString().replace('.000Z', 'Z');
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n ? quotient - 1n : quotient;
}
