import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { seededRandom, TEST_SEED } from '../../../test/support/random.ts';
import { forget } from '../src/index.ts';
import { testEngine } from './support/engine.ts';
import { strikeWithEveryFault } from './support/every-fault.ts';
import { type Fault, faultFiles } from './support/fault-files.ts';
import { findValues } from './support/find-values.ts';
import {
  LOCK,
  PLANTED,
  person,
  plantEverywhere,
  SUBJECT,
  type World,
  world,
  worldAt,
  zora,
} from './support/forget-world.ts';

const engine = testEngine();
after(() => engine.close());

/** Every operation in the long suite; otherwise as many as fit in the time. */
const BUDGET_MS = process.env.HAKIRI_CRASH_COUNT === undefined ? 4_000 : Number.POSITIVE_INFINITY;

const OTHERS = ['p1', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8'];

async function strike(planted: World, fault: Fault, at: number, random: () => number): Promise<number> {
  const root = join(dirname(planted.root), '.struck');
  rmSync(root, { recursive: true, force: true });
  cpSync(planted.root, root, { recursive: true });
  const w = worldAt(root, { ...planted.options, root }, engine);
  const files = faultFiles({ root: w.root, fault, at, random });
  const outcome = await forget(w.with(files), LOCK, { subject: SUBJECT }).then(
    () => 'done',
    () => 'failed',
  );
  const others = async (): Promise<void> => {
    assert.deepEqual(
      (await w.rows())
        .filter(({ email }) => email !== SUBJECT)
        .map(({ id }) => id)
        .sort(),
      OTHERS,
      'every other row is there',
    );
  };
  await others();
  // Whoever opens it next finishes what was begun; what was not begun is begun anew.
  await w.run([person(9), zora(20)]);
  const left = await findValues(w.root, PLANTED);
  const begun = !(await w.ids()).includes('key-of-zora-planted');
  if (begun || outcome === 'done') assert.deepEqual(left, [], 'what was begun is finished');
  const { proof } = await w.forget();
  assert.equal(proof.rowsFound, 0);
  assert.deepEqual(await findValues(w.root, PLANTED), []);
  assert.deepEqual(await w.ids(), [...OTHERS, 'p9']);
  return files.operations;
}

test('whatever the disk does at whichever operation, the subject is gone in the end and nobody else is', async (t) => {
  const random = seededRandom(TEST_SEED).next;
  const planted = world(t, engine);
  await plantEverywhere(planted);
  const operations = await strike(planted, 'eio', Number.POSITIVE_INFINITY, random);
  assert.ok(operations > 100, `${operations} operations`);
  const limits = { operations, budgetMs: BUDGET_MS, random };
  const done = await strikeWithEveryFault(limits, ({ fault, at }) => strike(planted, fault, at, random));
  t.diagnostic(done);
});
