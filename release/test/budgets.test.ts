import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sharedLibraries } from '../../bench/support/released-program.ts';
import { type Budgets, FIGURE_NAMES, type Figure, readBudgets } from '../src/budgets.ts';
import { RELEASE } from '../src/paths.ts';
import { PROFILES, type ReleaseProfile } from '../src/profile.ts';
import { emptyFolder, type Outcome, releasedProgram, run } from './support/released.ts';

const CHECK = join(RELEASE, 'check-budgets.ts');

function check(args: readonly string[]): Outcome {
  return run(process.execPath, [CHECK, ...args], { env: { PATH: process.env.PATH ?? '' } });
}

/** With hours for each start: whether the programs keep their times, `npm run check:budgets` says. */
function patientBudgets(): Budgets {
  const hours = 1e7;
  const { core, full } = readBudgets();
  const times = { first_start_ms: hours, start_ms: hours, unpacked_first_start_ms: hours };
  return { core: { ...core, ...times }, full: { ...full, ...times } };
}

test('the gate holds what is measured to each budget, and names the one that is exceeded', (t) => {
  const folder = emptyFolder(t);
  const [measured, file] = [join(folder, 'measured.json'), join(folder, 'budgets.json')];
  const budgets = patientBudgets();
  const lower = (profile: ReleaseProfile, name: Figure, allowed: number): void =>
    writeFileSync(file, JSON.stringify({ ...budgets, [profile]: { ...budgets[profile], [name]: allowed } }));

  lower('core', 'start_ms', 1);
  const late = check(['--rounds', '1', '--budgets', file, '--save', measured]);
  assert.equal(late.code, 1);
  assert.match(late.stderr, /^over budget: core start_ms \(.*\): [\d.]+, allowed 1\n$/);
  assert.equal(late.stdout.match(/^core: start_ms \d+: measured again$/gm)?.length, 2);
  assert.match(late.stdout, /KB now.*hakiri-core/);

  writeFileSync(file, JSON.stringify(budgets));
  const within = check(['--budgets', file, '--measured', measured]);
  assert.deepEqual([within.code, within.stderr], [0, ''], within.stdout);
  for (const profile of PROFILES) {
    for (const name of FIGURE_NAMES) {
      assert.match(within.stdout, new RegExp(`^pass {2}${profile} ${name} `, 'm'));
      // Just below what was measured.
      lower(profile, name, readBudgets(measured)[profile][name] - 0.001);
      const { code, stdout, stderr } = check(['--budgets', file, '--measured', measured]);
      assert.equal(code, 1, stdout);
      assert.match(
        stderr,
        new RegExp(`^over budget: ${profile} ${name} \\(.*\\): [\\d.]+, allowed [-\\d.]+\n$`),
      );
      assert.equal(stdout.match(/^MISS /gm)?.length, 1);
    }
  }
});

test('a file with a budget missing, or with one that nobody measures, is refused', (t) => {
  const file = join(emptyFolder(t), 'budgets.json');
  const { core, full } = readBudgets();
  const { start_ms, ...without } = core;
  for (const wrong of [without, { ...core, start_seconds: 1 }, { ...without, start_ms: `${start_ms}` }]) {
    writeFileSync(file, JSON.stringify({ core: wrong, full }));
    assert.throws(() => readBudgets(file), /core/);
  }
});

test('ldd finds libraries in a program that is not static', () => {
  assert.ok(sharedLibraries('/bin/sh') > 0);
  assert.equal(sharedLibraries(releasedProgram('core')), 0);
});
