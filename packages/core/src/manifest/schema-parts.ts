import * as z from 'zod';
import { ZONE_RULE_PATTERN } from '../zones.ts';
import { DURATION_PATTERN, parseDurationMs } from './units.ts';

/** Pieces of the manifest's schema. The text given as `error` is what the place takes. */

/** Hakiri's own columns are nobody else's to name, in any case of letters. */
export const COLUMN_PATTERN = /^(?!_[Hh][Aa][Kk][Ii][Rr][Ii]_)[^\0]{1,255}$/;

export const text = (error: string) => z.string({ error }).min(1, { error });
export const patterned = (pattern: RegExp, error: string) => z.string({ error }).regex(pattern, { error });
export const listOf = <T extends z.ZodType>(item: T, error: string) =>
  z.array(item, { error }).min(1, { error });

export const columnName = patterned(COLUMN_PATTERN, 'the name of a column, not starting with _hakiri_');

export const secretName = patterned(
  /^[A-Z_][A-Z0-9_]*$/,
  'the name of a secret in capitals such as "GITHUB_TOKEN", never its value',
);

export const duration = (from: number, to: number, error: string) =>
  patterned(DURATION_PATTERN, 'a duration such as "90s", "10m", "2h" or "7d"').refine(
    (value) => inRange(parseDurationMs(value), from, to),
    { error },
  );

export const wholeNumber = (from: number, to: number, error: string) =>
  z.int({ error }).min(from, { error }).max(to, { error });

export const inferenceZones = listOf(
  patterned(
    ZONE_RULE_PATTERN,
    '"local:device", or "on-prem:", "private-cloud:" or "public-cloud:" and a name, which may end in "*"',
  ),
  'a list of zones such as ["local:device", "on-prem:*"]',
);

export function inRange(value: number | undefined, lowest: number, highest: number): boolean {
  return value !== undefined && value >= lowest && value <= highest;
}
