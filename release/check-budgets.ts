/**
 * `npm run check:budgets [-- --budgets FILE] [--rounds N] [--save FILE | --measured FILE]`: builds the release, prints
 * what each dependency costs and what the programs need, and ends with 1 where one needs more than `budgets.json`
 * allows. `--save` keeps what was measured; `--measured` takes it from such a file instead.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureProgram, measureStarts } from '../bench/support/released-program.ts';
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
  const measuring: Partial<Record<ReleaseProfile, Figures>> = {};
  for (const profile of PROFILES) measuring[profile] = await measureProfile(profile);
  return measuring as Record<ReleaseProfile, Figures>;
}

async function measureProfile(profile: ReleaseProfile): Promise<Figures> {
  const program = join(DIST, programName(profile));
  const rounds = Number(values.rounds);
  let { figures } = await measureProgram(profile, program, rounds);
  for (let tried = 1; tried < TRIES; tried++) {
    const late = exceeded(figures, budgets[profile]).filter((name) => name.endsWith('_ms'));
    if (late.length === 0) break;
    process.stdout.write(
      `${profile}: ${late.map((name) => told(name, figures, budgets[profile])).join('; ')}: again\n`,
    );
    const { times } = await measureStarts(program, rounds);
    figures = {
      ...figures,
      first_start_ms: Math.min(times.first_start_ms, figures.first_start_ms),
      start_ms: Math.min(times.start_ms, figures.start_ms),
      unpacked_first_start_ms: Math.min(times.unpacked_first_start_ms, figures.unpacked_first_start_ms),
    };
  }
  return figures;
}

function costs(profile: ReleaseProfile): string {
  const name = programName(profile);
  const now = JSON.parse(readFileSync(join(DIST, `${name}.costs.json`), 'utf8')) as Costs;
  return costTable(name, now, lastCosts()[profile]);
}

function told(name: Figure, figures: Figures, allowed: Figures): string {
  return `${name} (${FIGURES[name]}): ${Math.round(figures[name] * 10) / 10}, allowed ${allowed[name]}`;
}
