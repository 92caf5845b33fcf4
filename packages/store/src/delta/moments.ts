/** Times as text, in the one form of values: ISO 8601 with up to six digits of a second. */

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6})0*)?)?$/;
const MOMENT = /^([^T ]{10})[T ](.+?)(Z|[+-]\d\d(?::?\d\d)?)?$/;

const MICROS_A_DAY = 86_400_000_000n;

/** Microseconds since 1970 of a date's midnight, for years 1 to 9999. */
export function parseDate(text: string): bigint | undefined {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined || year === '0000') return undefined;
  const ms = Date.parse(`${text}T00:00:00Z`);
  const isReal = !Number.isNaN(ms) && new Date(ms).getUTCDate() === Number(day) && Number(month) <= 12;
  return isReal ? BigInt(ms) * 1000n : undefined;
}

/** Microseconds since midnight. */
export function parseTime(text: string): bigint | undefined {
  const [, hours, minutes, seconds = '0', fraction = ''] = TIME.exec(text) ?? [];
  if (hours === undefined || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59)
    return undefined;
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

/** Microseconds since 1970, UTC, of a moment with its zone. */
export function parseTimestamp(text: string): bigint | undefined {
  const [, date = '', time = '', zone] = MOMENT.exec(text) ?? [];
  if (zone === undefined) return undefined;
  return inYears(sum(parseDate(date), parseTime(time), zoneMicros(zone)));
}

/** Microseconds since 1970 as if it were UTC, of a date and time of day without a zone. */
export function parseDatetime(text: string): bigint | undefined {
  const [, date = '', time = '', zone] = MOMENT.exec(text) ?? [];
  return zone === undefined ? sum(parseDate(date), parseTime(time), 0n) : undefined;
}

/** `2026-11-01T10:00:00.000001`, without a zone. */
export function momentText(micros: bigint): string {
  const time = ((micros % MICROS_A_DAY) + MICROS_A_DAY) % MICROS_A_DAY;
  const day = new Date(Number((micros - time) / 1000n)).toISOString().slice(0, 10);
  return `${day}T${timeText(time)}`;
}

/** `10:00:00.000001` */
export function timeText(micros: bigint): string {
  const seconds = Number(micros / 1_000_000n);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const fraction = String(micros % 1_000_000n).padStart(6, '0');
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}.${fraction}`;
}

/** What is added to local time for UTC. */
function zoneMicros(zone: string): bigint | undefined {
  if (zone === 'Z') return 0n;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || 0);
  if (hours > 15 || minutes > 59) return undefined;
  const micros = BigInt(hours * 60 + minutes) * 60_000_000n;
  return zone.startsWith('-') ? micros : -micros;
}

function sum(...parts: readonly (bigint | undefined)[]): bigint | undefined {
  return parts.reduce((total, part) =>
    total === undefined || part === undefined ? undefined : total + part,
  );
}

/** A zone may lead out of the years that have four digits. */
function inYears(micros: bigint | undefined): bigint | undefined {
  if (micros === undefined) return undefined;
  const year = new Date(Number(micros / 1000n)).getUTCFullYear();
  return year >= 1 && year <= 9999 ? micros : undefined;
}
