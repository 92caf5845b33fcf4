import { HakiriError } from '@hakiri/core';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `30s`, `10m`, `1h` in milliseconds. Throws `usage.argument`. */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  const factor = UNIT_MS[match?.[2] ?? ''];
  if (match === null || factor === undefined) {
    throw new HakiriError('usage.argument', `"${text}" is not a duration`, {
      hint: 'Write a number and a unit: 500ms, 30s, 10m, 1h.',
    });
  }
  return Math.round(Number(match[1]) * factor);
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
