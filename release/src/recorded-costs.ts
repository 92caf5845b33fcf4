import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Costs } from './costs.ts';
import { RELEASE } from './paths.ts';
import type { ReleaseProfile } from './profile.ts';

/** What the last release cost; in the repository, so that a change shows beside what caused it. */
const RECORD = join(RELEASE, 'costs.json');

type Recorded = Readonly<Partial<Record<ReleaseProfile, Costs>>>;

export function lastCosts(): Recorded {
  return existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, 'utf8')) as Recorded) : {};
}

/** Done once a release, after it was built. */
export function recordCosts(profile: ReleaseProfile, costs: Costs): void {
  writeFileSync(RECORD, `${JSON.stringify({ ...lastCosts(), [profile]: costs }, undefined, 2)}\n`);
}
