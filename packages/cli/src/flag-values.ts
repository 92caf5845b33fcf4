import { type AsOf, HakiriError, parseAsOf, parseDurationMs } from '@hakiri/core';

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

/** `2026-11-01`, `2026-11-01T10:00:00Z` (UTC where no zone is given), or a run's id. Throws `usage.argument`. */
export function parseMoment(text: string): AsOf {
  const at = parseAsOf(text);
  if (at !== undefined) return at;
  throw new HakiriError('usage.argument', `"${text}" is neither a time nor the id of a run`, {
    hint: 'Write it as 2026-11-01T00:00:00Z, or give a run: `select distinct _hakiri_run` lists them.',
  });
}

/** 0 to 65535. Throws `usage.argument`. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new HakiriError('usage.argument', `"${text}" is not a port`, {
    hint: 'Write a number from 0 to 65535.',
  });
}

/** A whole number from 0. Throws `usage.argument`. */
export function parseIndex(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new HakiriError('usage.argument', `"${text}" is not a number`, {
    hint: 'Write a whole number from 0.',
  });
}
