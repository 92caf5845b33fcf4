import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sharedLibraries } from '../../bench/support/released-program.ts';
import { type Budgets, FIGURE_NAMES, readBudgets } from '../src/budgets.ts';
import { RELEASE } from '../src/paths.ts';
import { PROFILES } from '../src/profile.ts';
import { emptyFolder, type Outcome, releasedProgram, run } from './support/released.ts';

const CHECK = join(RELEASE, 'check-budgets.ts');

function check(args: readonly string[]): Outcome {
  return run(process.execPath, [CHECK, ...args], { env: { PATH: process.env.PATH ?? '' } });
}

test('the gate holds what is measured of the programs to each budget, and names the one that is exceeded', (t) => {
  const folder = emptyFolder(t);
  const [measured, lowered] = [join(folder, 'measured.json'), join(folder, 'lowered.json')];
  const asItIs = check(['--rounds', '1', '--save', measured]);
  assert.deepEqual([asItIs.code, asItIs.stderr], [0, ''], asItIs.stdout);
  assert.match(asItIs.stdout, /KB now.*hakiri-core/);
  for (const profile of PROFILES) {
    for (const name of FIGURE_NAMES) {
      assert.match(asItIs.stdout, new RegExp(`^pass {2}${profile} ${name} `, 'm'));
      const figure = readBudgets(measured)[profile][name];
      const budgets = readBudgets();
      // Just below what was measured.
      const allowed = { ...budgets[profile], [name]: figure - 0.001 };
      const changed: Budgets = { ...budgets, [profile]: allowed };
      writeFileSync(lowered, JSON.stringify(changed));
      const { code, stdout, stderr } = check(['--budgets', lowered, '--measured', measured]);
      assert.equal(code, 1, stdout);
      assert.match(
        stderr,
        new RegExp(`^over budget: ${profile} ${name} \\(.*\\): [\\d.]+, allowed [-\\d.]+\n$`),
      );
      assert.equal(stdout.match(/^MISS /gm)?.length, 1);
    }
  }
});

test('a budget lowered below what the programs need fails when it is measured, too', (t) => {
  const lowered = join(emptyFolder(t), 'lowered.json');
  const { core, full } = readBudgets();
  writeFileSync(lowered, JSON.stringify({ core: { ...core, start_ms: 1 }, full }));
  const { code, stderr } = check(['--rounds', '1', '--budgets', lowered]);
  assert.equal(code, 1);
  assert.match(stderr, /^over budget: core start_ms \(.*\): [\d.]+, allowed 1\n$/);
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
