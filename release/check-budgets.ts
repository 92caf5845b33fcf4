/**
 * `npm run check:budgets [-- --budgets FILE] [--rounds N] [--save FILE | --measured FILE]`: builds the release, prints
 * what each dependency costs and what the programs need, and ends with 1 where one needs more than `budgets.json`
 * allows. `--save` keeps what was measured; `--measured` takes it from such a file instead.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureSizes, measureStarts, type StartTimes } from '../bench/support/released-program.ts';
import {
  BUDGETS_FILE,
  exceeded,
  FIGURE_NAMES,
  FIGURES,
  type Figure,
  type Figures,
  readBudgets,
} from './src/budgets.ts';
import { costTable } from './src/cost-table.ts';
import type { Costs } from './src/costs.ts';
import { DIST } from './src/paths.ts';
import { PROFILES, programName, type ReleaseProfile } from './src/profile.ts';
import { lastCosts } from './src/recorded-costs.ts';

const { values } = parseArgs({
  options: {
    budgets: { type: 'string', default: BUDGETS_FILE },
    rounds: { type: 'string', default: '5' },
    save: { type: 'string' },
    measured: { type: 'string' },
  },
});
/** How often times are measured before they count as too long: a busy machine makes them longer, none shorter. */
const TRIES = 3;

const budgets = readBudgets(values.budgets);
const measured = values.measured === undefined ? await measure() : readBudgets(values.measured);
if (values.save !== undefined) writeFileSync(values.save, JSON.stringify(measured));

for (const profile of PROFILES) process.stdout.write(`${costs(profile)}\n`);
const tooMuch: string[] = [];
for (const profile of PROFILES) {
  const [figures, allowed] = [measured[profile], budgets[profile]];
  const beyond = exceeded(figures, allowed);
  for (const name of FIGURE_NAMES) {
    const line = `${profile} ${told(name, figures, allowed)}`;
    process.stdout.write(`${beyond.includes(name) ? 'MISS' : 'pass'}  ${line}\n`);
    if (beyond.includes(name)) tooMuch.push(line);
  }
}
for (const line of tooMuch) process.stderr.write(`over budget: ${line}\n`);
process.exitCode = tooMuch.length > 0 ? 1 : 0;

async function measure(): Promise<Readonly<Record<ReleaseProfile, Figures>>> {
  const programs = PROFILES.map((profile) => ({ profile, program: join(DIST, programName(profile)) }));
  // Both at once: they wait for most of the time.
  const sizes = await Promise.all(programs.map(({ profile, program }) => measureSizes(profile, program)));
  const measuring: Partial<Record<ReleaseProfile, Figures>> = {};
  for (const [i, { profile, program }] of programs.entries())
    measuring[profile] = { ...sizes[i]!, ...(await startsWithin(profile, program)) };
  return measuring as Record<ReleaseProfile, Figures>;
}

async function startsWithin(profile: ReleaseProfile, program: string): Promise<StartTimes> {
  const rounds = Number(values.rounds);
  const allowed = budgets[profile];
  let { times } = await measureStarts(program, rounds);
  for (let tried = 1; tried < TRIES; tried++) {
    const late = Object.entries(times).filter(([name, time]) => time > allowed[name as Figure]);
    if (late.length === 0) break;
    const names = late.map(([name, time]) => `${name} ${Math.round(time)}`);
    process.stdout.write(`${profile}: ${names.join(', ')}: measured again\n`);
    const again = (await measureStarts(program, rounds)).times;
    times = {
      first_start_ms: Math.min(times.first_start_ms, again.first_start_ms),
      start_ms: Math.min(times.start_ms, again.start_ms),
      unpacked_first_start_ms: Math.min(times.unpacked_first_start_ms, again.unpacked_first_start_ms),
    };
  }
  return times;
}

function costs(profile: ReleaseProfile): string {
  const name = programName(profile);
  const now = JSON.parse(readFileSync(join(DIST, `${name}.costs.json`), 'utf8')) as Costs;
  return costTable(name, now, lastCosts()[profile]);
}

function told(name: Figure, figures: Figures, allowed: Figures): string {
  return `${name} (${FIGURES[name]}): ${Math.round(figures[name] * 10) / 10}, allowed ${allowed[name]}`;
}
