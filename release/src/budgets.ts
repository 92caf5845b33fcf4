import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RELEASE } from './paths.ts';
import { PROFILES, type ReleaseProfile } from './profile.ts';

/** What is measured of a released program, and held against `budgets.json`; megabytes are a million bytes. */
export const FIGURES = {
  compressed_mb: 'MB to download',
  shared_libraries: 'shared libraries that ldd finds',
  idle_mb: 'MB resident, idle',
  first_start_ms: 'ms, --help, the very first start',
  start_ms: 'ms, --help',
  unpacked_first_start_ms: 'ms, --help, first start unpacked',
} as const;

export type Figure = keyof typeof FIGURES;
export type Figures = Readonly<Record<Figure, number>>;
export type Budgets = Readonly<Record<ReleaseProfile, Figures>>;

export const FIGURE_NAMES = Object.keys(FIGURES) as readonly Figure[];

export const BUDGETS_FILE = join(RELEASE, 'budgets.json');

/** Throws when one is missing or no number, or when the file names what nobody measures. */
export function readBudgets(file = BUDGETS_FILE): Budgets {
  const read: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const profiles = record(read, file, PROFILES);
  return Object.fromEntries(
    PROFILES.map((profile) => {
      const budgets = record(profiles[profile], `${file}, ${profile}`, FIGURE_NAMES);
      for (const name of FIGURE_NAMES)
        if (typeof budgets[name] !== 'number') throw new Error(`${file}, ${profile}, ${name}: no number`);
      return [profile, budgets];
    }),
  ) as Budgets;
}

function record(value: unknown, place: string, keys: readonly string[]): Readonly<Record<string, unknown>> {
  const found = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (found.length !== keys.length || !keys.every((key) => found.includes(key)))
    throw new Error(`${place}: there have to be ${keys.join(', ')}`);
  return value as Readonly<Record<string, unknown>>;
}

/** A figure that is not known is beyond its budget, too. */
export function exceeded(figures: Figures, budgets: Figures): readonly Figure[] {
  return FIGURE_NAMES.filter((name) => !(figures[name] <= budgets[name]));
}
