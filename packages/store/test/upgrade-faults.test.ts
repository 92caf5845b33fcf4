import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { seededRandom, TEST_SEED } from '../../../test/support/random.ts';
import { layout, nodeFiles, STORE_FORMAT } from '../src/index.ts';
import { upgradeStore } from '../src/upgrade/upgrade-store.ts';
import { catalogSummary } from './support/earlier/questions.ts';
import { EARLIER_PROJECT, type EarlierStore, unpackEarlier } from './support/earlier/unpack.ts';
import { upgradeInProcess } from './support/earlier/upgrade-in-process.ts';
import { strikeWithEveryFault } from './support/every-fault.ts';
import { type Fault, faultFiles } from './support/fault-files.ts';
import { realClock } from './support/test-store.ts';

/** Every operation in the long suite; otherwise as many as fit in the time. */
const BUDGET_MS = process.env.HAKIRI_CRASH_COUNT === undefined ? 1500 : Number.POSITIVE_INFINITY;

interface State {
  readonly format: string;
  readonly catalog: number;
  readonly rows: string;
}

/** Format, version, and what every table held from the start. */
function stateOf(folder: string): State {
  const db = new DatabaseSync(join(folder, 'meta.sqlite'));
  try {
    const { user_version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    const rows = ['runs', 'parts', 'cursors', 'jobs', 'schemas', 'schema_history'].map((table) =>
      db.prepare(`SELECT count(*) AS rows FROM ${table}`).get(),
    );
    const manifests = db.prepare('SELECT manifest FROM runs ORDER BY run').all();
    const format = /^format = \d+$/m.exec(readFileSync(join(folder, 'config.toml'), 'utf8'))?.[0] ?? '';
    return { format, catalog: user_version, rows: JSON.stringify([rows, manifests]) };
  } finally {
    db.close();
  }
}

/** What an upgrade does, and when it gives the store its format. */
interface Counted {
  readonly operations: number;
  readonly renamesAt: number;
}

async function strike(
  { root, context }: EarlierStore,
  { fault, at }: { readonly fault: Fault; readonly at: number },
  renamesAt: number,
  random: () => number,
): Promise<Counted> {
  const struck = `${root}-struck`;
  rmSync(struck, { recursive: true, force: true });
  cpSync(root, struck, { recursive: true });
  const paths = layout(struck, EARLIER_PROJECT);
  const before = stateOf(context);
  const disk = faultFiles({ root: struck, fault, at, random });
  let renamed = 0;
  const rename = (from: string, to: string): Promise<void> => {
    if (to === paths.config) renamed = disk.operations + 1;
    return disk.rename(from, to);
  };
  const files = { ...disk, rename };
  const outcome = await upgradeStore({ files, clock: realClock, paths }).then(
    () => 'done',
    (error: { readonly code?: string }) => error.code,
  );
  const left = stateOf(paths.context);
  assert.equal(left.rows, before.rows, 'nothing of the catalog is lost');
  const after = { format: `format = ${STORE_FORMAT}`, catalog: STORE_FORMAT, rows: before.rows };
  if (outcome === 'done' && fault !== 'lost') assert.deepEqual(left, after);
  // What is anything else than it was has been kept before.
  if (left.catalog !== before.catalog || left.format !== before.format) requireBackup(paths.backups, before);
  // A disk that is full, or fails, leaves what an earlier Hakiri can use, until the migrated catalog gets its format.
  const isAlive = fault === 'eio' || fault === 'full';
  if (isAlive && outcome !== 'done' && at < renamesAt) assert.deepEqual(left, before);

  await upgradeStore({ files: nodeFiles, clock: realClock, paths });
  assert.deepEqual(stateOf(paths.context), after);
  requireBackup(paths.backups, before);
  return { operations: disk.operations, renamesAt: renamed };
}

/** All that are there are whole, and there is one. */
function requireBackup(folder: string, before: State): void {
  const found = readdirSync(folder).filter((name) => !name.endsWith('.tmp'));
  assert.ok(found.length > 0, 'something was changed, and nothing kept');
  for (const name of found) {
    assert.deepEqual(stateOf(join(folder, name)), before, name);
    assert.match(readFileSync(join(folder, name, 'README.txt'), 'utf8'), /To go back .*Remove this folder/s);
  }
}

test('whatever the disk does at whichever operation of an upgrade, the store is the old one or the new, and the old one is kept', async (t) => {
  const earlier = unpackEarlier(t, 'first');
  const random = seededRandom(TEST_SEED).next;
  const never = Number.POSITIVE_INFINITY;
  const { operations, renamesAt } = await strike(earlier, { fault: 'eio', at: never }, never, random);
  assert.ok(operations > 20, `${operations} operations`);
  const limits = { operations, budgetMs: BUDGET_MS, random };
  const done = await strikeWithEveryFault(limits, (one) => strike(earlier, one, renamesAt, random));
  t.diagnostic(done);
});

test('killed at any operation, an upgrade is finished by the next who comes, and nothing of the store is lost', async (t) => {
  const all = await upgradeInProcess(unpackEarlier(t, 'first'));
  const operations = Number(/operations (\d+)/.exec(all.stdout)?.[1]);
  assert.ok(operations > 20, all.stdout);
  const isLong = BUDGET_MS === Number.POSITIVE_INFINITY;
  // In the backup, about the migration, behind it.
  const sample = [Math.floor(operations / 2), operations - 20, operations - 10];
  for (const at of isLong ? Array.from({ length: operations }, (_, i) => i + 1) : sample) {
    const earlier = unpackEarlier(t, 'first');
    const { signal } = await upgradeInProcess(earlier, at);
    assert.equal(signal, 'SIGKILL', `at ${at}`);
    await upgradeStore({ files: nodeFiles, clock: realClock, paths: layout(earlier.root, EARLIER_PROJECT) });
    const { cursors } = earlier.expected;
    assert.deepEqual(
      catalogSummary(join(earlier.context, 'meta.sqlite')),
      { catalog: STORE_FORMAT, cursors },
      `at ${at}`,
    );
    const names = readdirSync(join(earlier.context, 'backups'));
    for (const name of names) assert.match(name, /^format-1-\d{4}-\d\d-\d\dT[\d-]+\.\d{3}Z$/, `at ${at}`);
    const kept = names.map((name) => join(earlier.context, 'backups', name));
    assert.ok(kept.length > 0);
    for (const path of kept)
      assert.deepEqual(catalogSummary(join(path, 'meta.sqlite')), { catalog: 1, cursors }, `at ${at}`);
    rmSync(earlier.folder, { recursive: true });
  }
});
