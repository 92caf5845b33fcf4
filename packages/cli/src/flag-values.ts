import { HakiriError, parseDurationMs } from '@hakiri/core';

/** `500ms`, `30s`, `10m`, `1h` in milliseconds. Throws `usage.argument`. */
export function parseDuration(text: string): number {
  const ms = parseDurationMs(text.trim());
  if (ms !== undefined) return ms;
  throw new HakiriError('usage.argument', `"${text}" is not a duration`, {
    hint: 'Write a whole number and a unit: 500ms, 30s, 10m, 1h.',
  });
}

/** A positive whole number. Throws `usage.argument`. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new HakiriError('usage.argument', `"${text}" is not a count`, {
      hint: 'Write a whole number from 1.',
    });
  }
  return count;
}
