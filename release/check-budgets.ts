/**
 * `npm run check:budgets [-- --budgets FILE] [--rounds N] [--save FILE | --measured FILE]`: builds the release, prints
 * what each dependency costs and what the programs need, and ends with 1 where one needs more than `budgets.json`
 * allows. `--save` keeps what was measured; `--measured` takes it from such a file instead.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureProgram } from '../bench/support/released-program.ts';
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
const budgets = readBudgets(values.budgets);
const measured = values.measured === undefined ? await measure() : readBudgets(values.measured);
if (values.save !== undefined) writeFileSync(values.save, JSON.stringify(measured));

for (const profile of PROFILES) process.stdout.write(`${costs(profile)}\n`);
const tooMuch: string[] = [];
for (const profile of PROFILES) {
  const [figures, allowed] = [measured[profile], budgets[profile]];
  const beyond = exceeded(figures, allowed);
  for (const name of FIGURE_NAMES)
    process.stdout.write(`${beyond.includes(name) ? 'MISS' : 'pass'}  ${told(profile, name)}\n`);
  tooMuch.push(...beyond.map((name) => told(profile, name)));
}
for (const line of tooMuch) process.stderr.write(`over budget: ${line}\n`);
process.exitCode = tooMuch.length > 0 ? 1 : 0;

async function measure(): Promise<Readonly<Record<ReleaseProfile, Figures>>> {
  const measuring: Partial<Record<ReleaseProfile, Figures>> = {};
  for (const profile of PROFILES) {
    const program = join(DIST, programName(profile));
    measuring[profile] = (await measureProgram(profile, program, Number(values.rounds))).figures;
  }
  return measuring as Record<ReleaseProfile, Figures>;
}

function costs(profile: ReleaseProfile): string {
  const name = programName(profile);
  const now = JSON.parse(readFileSync(join(DIST, `${name}.costs.json`), 'utf8')) as Costs;
  return costTable(name, now, lastCosts()[profile]);
}

function told(profile: ReleaseProfile, name: Figure): string {
  const figure = Math.round(measured[profile][name] * 10) / 10;
  return `${profile} ${name} (${FIGURES[name]}): ${figure}, allowed ${budgets[profile][name]}`;
}
