/** Microseconds in a day. */
export const DAY_MICROS = 86_400_000_000n;

/** What the engine stores for `infinity` in a timestamp column. */
const INFINITY_MICROS = 2n ** 63n - 1n;

const DATE_TIME =
  /^([+-]?\d{4,6})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(?: ?(Z|[+-]\d\d(?::?\d\d)?))?)?( \(BC\))?$/i;
const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/;

export interface ParsedTime {
  /** Microseconds since 1970 UTC; what has no zone is read as UTC. */
  readonly micros: bigint;
  readonly hasTime: boolean;
  /** A zone other than UTC was given. */
  readonly hasOffset: boolean;
}

/**
 * ISO 8601 as people and engines write it: a date, then perhaps `T` or a space, a time to the microsecond, a zone.
 * Undefined for anything else, days the calendar does not have included.
 */
export function parseDateTime(text: string): ParsedTime | undefined {
  if (text === 'infinity') return { micros: INFINITY_MICROS, hasTime: true, hasOffset: false };
  if (text === '-infinity') return { micros: -INFINITY_MICROS, hasTime: true, hasOffset: false };
  const parts = DATE_TIME.exec(text);
  if (parts === null) return undefined;
  const [, year = '', month = '', day = '', hour, minute, second, fraction, zone, bc] = parts;
  const days = daysFromCivil(bc === undefined ? Number(year) : 1 - Number(year), Number(month), Number(day));
  if (days === undefined) return undefined;
  const time = hour === undefined ? 0n : timeMicros(hour, minute, second, fraction);
  const offset = zoneMicros(zone);
  if (time === undefined || time >= DAY_MICROS || offset === undefined) return undefined;
  const micros = BigInt(days) * DAY_MICROS + time - offset;
  return { micros, hasTime: hour !== undefined, hasOffset: offset !== 0n };
}

/** Microseconds since midnight of `10:30`, `10:30:00.5`; 24:00:00 is the end of the day. Undefined for anything else. */
export function parseTimeOfDay(text: string): bigint | undefined {
  const parts = TIME.exec(text);
  if (parts === null) return undefined;
  const [, hour, minute, second, fraction] = parts;
  return timeMicros(hour, minute, second, fraction);
}

/** `2026-01-31 10:00:00.000000`, in UTC: the inverse of `parseDateTime` for years 1 to 9999. */
export function formatMicros(micros: bigint): string {
  const days = floorDivide(micros, DAY_MICROS);
  return `${formatDays(days)} ${formatTimeOfDay(micros - days * DAY_MICROS)}`;
}

/** `2026-01-31` from days since 1970. */
export function formatDays(days: bigint): string {
  return new Date(Number(days) * 86_400_000).toISOString().slice(0, 10);
}

/** `10:00:00.000000` from microseconds since midnight. */
export function formatTimeOfDay(micros: bigint): string {
  const seconds = micros / 1_000_000n;
  const two = (part: bigint): string => String(part).padStart(2, '0');
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}.${String(micros % 1_000_000n).padStart(6, '0')}`;
}

export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

function timeMicros(hour = '', minute = '', second = '0', fraction = ''): bigint | undefined {
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  if (Number(minute) > 59 || Number(second) > 59 || seconds > 86_400) return undefined;
  const micros = BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return micros > DAY_MICROS ? undefined : micros;
}

function zoneMicros(zone: string | undefined): bigint | undefined {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0n;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', ''));
  if (hours > 15 || minutes > 59) return undefined;
  const micros = BigInt(hours * 60 + minutes) * 60_000_000n;
  return zone.startsWith('-') ? -micros : micros;
}

/**
 * Days since 1970 of a day in the proleptic Gregorian calendar
 * (http://howardhinnant.github.io/date_algorithms.html#days_from_civil); undefined when there is no such day.
 */
function daysFromCivil(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
