import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { seededRandom, TEST_SEED } from '../../../test/support/random.ts';
import { layout, nodeFiles, STORE_FORMAT } from '../src/index.ts';
import { upgradeStore } from '../src/upgrade/upgrade-store.ts';
import { EARLIER_PROJECT, type EarlierStore, unpackEarlier } from './support/earlier/unpack.ts';
import { FAULTS, type Fault, faultFiles } from './support/fault-files.ts';
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

async function strike(
  { root, context }: EarlierStore,
  { fault, at }: { readonly fault: Fault; readonly at: number },
  operations: number,
  random: () => number,
): Promise<number> {
  const struck = `${root}-struck`;
  rmSync(struck, { recursive: true, force: true });
  cpSync(root, struck, { recursive: true });
  const paths = layout(struck, EARLIER_PROJECT);
  const before = stateOf(context);
  const files = faultFiles({ root: struck, fault, at, random });
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
  // A disk that is full, or fails, leaves what an earlier Hakiri can use, except at the last two names.
  const isAlive = fault === 'eio' || fault === 'full';
  if (isAlive && outcome !== 'done' && at < operations - 2) assert.deepEqual(left, before);

  await upgradeStore({ files: nodeFiles, clock: realClock, paths });
  assert.deepEqual(stateOf(paths.context), after);
  requireBackup(paths.backups, before);
  return files.operations;
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
  const operations = await strike(earlier, { fault: 'eio', at: never }, never, random);
  assert.ok(operations > 20, `${operations} operations`);
  const cases = FAULTS.flatMap((fault) =>
    Array.from({ length: operations }, (_, i) => ({ fault, at: i + 1 })),
  );
  const order = cases.map((one) => ({ one, key: random() })).sort((a, b) => a.key - b.key);
  const started = performance.now();
  let done = 0;
  for (const { one } of order) {
    if (performance.now() - started > BUDGET_MS) break;
    try {
      await strike(earlier, one, operations, random);
    } catch (error) {
      throw new Error(`${one.fault} at operation ${one.at}, seed ${TEST_SEED}`, { cause: error });
    }
    done++;
  }
  t.diagnostic(`${done} of ${cases.length} faults at ${operations} operations, seed ${TEST_SEED}`);
});
