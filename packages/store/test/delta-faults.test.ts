import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { seededRandom, TEST_SEED } from '../../../test/support/random.ts';
import { testEngine } from '../../engine/test/support/engine.ts';
import { FOLD_AT } from '../src/delta/fold-delta.ts';
import { storeContext } from '../src/open-context.ts';
import { notesTable, openNotes, row, smallWrites, texts } from './support/delta-store.ts';
import { strikeWithEveryFault } from './support/every-fault.ts';
import { diskOf, type Fault, faultFiles } from './support/fault-files.ts';
import { contextOf, emptyRoot, storeOptions } from './support/test-store.ts';

const engine = testEngine();
after(() => engine.close());

/** Every operation in the long suite; otherwise as many as fit in the time. */
const BUDGET_MS = process.env.HAKIRI_CRASH_COUNT === undefined ? 3_000 : Number.POSITIVE_INFINITY;
const BEFORE = 2;

type Outcome = 'acknowledged' | 'refused';

/** Write `n` has two rows of its own, and is a new value of key 0. */
const rowsOf = (n: number) => [
  row({ id: 100 + 2 * n, text: `${n}` }),
  row({ id: 0, text: `${n}` }),
  row({ id: 101 + 2 * n, text: `${n}` }),
];

/** A file with two writes and a torn third; then writes, alone and together, a fold, and writes again. */
async function strike(t: TestContext, fault: Fault, at: number, random: () => number): Promise<number> {
  const root = emptyRoot(t);
  const first = await openNotes(root, engine);
  const earlier = smallWrites(first);
  for (let n = 0; n < BEFORE; n++) await earlier.write(rowsOf(n));
  await earlier.close();
  const [delta] = (await notesTable(first)).deltas;
  appendFileSync(join(contextOf(root), delta?.path ?? ''), '{"at":"2026-');
  const files = faultFiles({ root, fault, at, random });
  const options = { ...storeOptions(root, engine, 2), files };
  const context = storeContext(options, first.store.paths, first.store.catalog);
  const outcomes = new Map<number, Outcome>();
  const writer = smallWrites({ ...first, context }, {}, { foldAt: { ...FOLD_AT, rows: 15 } });
  const write = async (n: number): Promise<void> => {
    await writer.write(rowsOf(n)).then(
      () => outcomes.set(n, 'acknowledged'),
      () => outcomes.set(n, 'refused'),
    );
  };
  await write(2);
  await Promise.all([3, 4, 5].map(write));
  await write(6);
  await writer.fold().catch(() => {});
  await write(7);
  const wasStruck = files.struck;
  await write(8);
  await writer.close().catch(() => {});
  const isAlive = fault === 'eio' || fault === 'full';
  if (isAlive) await check(root, outcomes, 'nothing else');
  if (fault === 'eio' && wasStruck) assert.equal(outcomes.get(8), 'acknowledged', 'one error stops nobody');
  await first.store.close();

  const after = await openNotes(root, engine, { firstRun: 50 });
  try {
    assert.deepEqual(after.store.recovery.damaged, []);
    const present = await check(root, outcomes, isAlive ? 'nothing else' : 'perhaps more');
    const last = smallWrites(after);
    await last.write(rowsOf(9));
    outcomes.set(9, 'acknowledged');
    for (const n of present) outcomes.set(n, 'acknowledged');
    await check(root, outcomes, 'nothing else');
    await last.fold();
    await last.close();
    await check(root, outcomes, 'nothing else');
    assert.deepEqual((await notesTable(after)).deltas, []);
  } finally {
    await after.store.close();
  }
  return files.operations;
}

/** What was acknowledged is there, whole; of what was refused nothing, or all where the process died with it. */
async function check(
  root: string,
  outcomes: ReadonlyMap<number, Outcome>,
  beside: 'nothing else' | 'perhaps more',
  before = BEFORE,
): Promise<readonly number[]> {
  const found = await texts(root);
  const present: number[] = [];
  for (let n = 0; n < 10; n++) {
    const own = [100 + 2 * n, 101 + 2 * n].map((id) => found[id]);
    assert.ok(own[0] === own[1], `write ${n} is there in part`);
    if (own[0] !== undefined) present.push(n);
    const outcome = n < before ? 'acknowledged' : outcomes.get(n);
    if (outcome === 'acknowledged') assert.equal(own[0], `${n}`, `write ${n} was acknowledged and is gone`);
    else if (beside === 'nothing else')
      assert.equal(own[0], undefined, `write ${n} was refused and is there`);
  }
  assert.equal(found[0], String(Math.max(...present)), 'the last write wins');
  return present;
}

test('whatever the disk does at whichever operation, acknowledged writes are there and no other in part', async (t) => {
  const random = seededRandom(TEST_SEED).next;
  const operations = await strike(t, 'eio', Number.POSITIVE_INFINITY, random);
  assert.ok(operations > 60, `${operations} operations`);
  const limits = { operations, budgetMs: BUDGET_MS, random };
  const done = await strikeWithEveryFault(limits, ({ fault, at }) => strike(t, fault, at, random));
  t.diagnostic(done);
});

/** Killed at a flush of a folder; the next process writes, and the power goes once it is acknowledged. */
async function killThenCut(t: TestContext, at: number, random: () => number): Promise<readonly number[]> {
  const root = emptyRoot(t);
  const first = await openNotes(root, engine);
  const disk = diskOf(root);
  const killed = faultFiles({ root, disk, fault: 'crash', at, random });
  const flushes: number[] = [];
  const syncFolder = (path: string): Promise<void> => {
    flushes.push(killed.operations + 1);
    return killed.syncFolder(path);
  };
  const options = { ...storeOptions(root, engine, 1), files: { ...killed, syncFolder } };
  const writer = smallWrites({
    ...first,
    context: storeContext(options, first.store.paths, first.store.catalog),
  });
  await writer.write(rowsOf(0)).catch(() => {});
  await writer.fold().catch(() => {});
  await writer.close().catch(() => {});
  await first.store.close();

  const files = faultFiles({ root, disk, fault: 'lost', at: Number.POSITIVE_INFINITY, random });
  const next = await openNotes(root, engine, { firstRun: 20, files });
  const goingOn = smallWrites(next);
  await goingOn.write(rowsOf(1));
  await files.cut();
  await goingOn.close().catch(() => {});
  await next.store.close();

  const after = await openNotes(root, engine, { firstRun: 50 });
  try {
    assert.deepEqual(after.store.recovery.damaged, []);
    await check(root, new Map([[1, 'acknowledged']]), 'perhaps more', 0);
    await smallWrites(after).fold();
    await check(root, new Map([[1, 'acknowledged']]), 'perhaps more', 0);
  } finally {
    await after.store.close();
  }
  return flushes;
}

test('what a killed process left unflushed takes nothing with it that the next one acknowledges', async (t) => {
  const flushes = await killThenCut(t, Number.POSITIVE_INFINITY, () => 0);
  assert.ok(flushes.length > 10, `${flushes.length} flushes`);
  const isLong = BUDGET_MS === Number.POSITIVE_INFINITY;
  for (const at of flushes) {
    // All that was not flushed is gone, or only renames are undone.
    for (const luck of isLong ? [0, 0.99] : [0]) {
      try {
        await killThenCut(t, at, () => luck);
      } catch (error) {
        throw new Error(`killed at operation ${at}, luck ${luck}`, { cause: error });
      }
    }
  }
});
