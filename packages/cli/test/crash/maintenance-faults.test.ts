import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Clock, PipelineId, TableName } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import {
  collectStore,
  compactStore,
  examineStore,
  forget,
  openWritableStore,
  type StoreOptions,
} from '@hakiri/store';
import { seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { testEngine } from '../../../store/test/support/engine.ts';
import { FAULTS, type Fault, type FaultFiles, faultFiles } from '../../../store/test/support/fault-files.ts';
import { schema, target } from '../../../store/test/support/test-store.ts';
import { systemClock } from '../../src/system-clock.ts';
import { rowsSource } from '../support/rows-source.ts';
import { queryStore, runInProcess, storeOptions } from '../support/run-in-process.ts';

/** Every operation in the long suite; otherwise as many as fit in the time. */
const BUDGET_MS = process.env.HAKIRI_CRASH_COUNT === undefined ? 3_000 : Number.POSITIVE_INFINITY;
const DAY_MS = 86_400_000;
const ROWS = 'rows' as TableName;
const LOCK = { command: 'test', waitMs: 0 };
const COLUMNS = { id: 'int64', version: 'int64', text: 'string' };

const home = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hakiri-upkeep-'));
const engine: Engine = testEngine();
after(async () => {
  await engine.close();
  rmSync(home, { recursive: true, force: true });
});

/** What maintenance does, what must be there before it, and how late it is by then. */
interface Upkeep {
  readonly name: string;
  readonly daysLater: number;
  act(options: StoreOptions): Promise<unknown>;
  /** The rows afterwards, where they are others than before. */
  readonly after?: (rows: string) => string;
}

const UPKEEP: readonly Upkeep[] = [
  { name: 'compact', daysLater: 0, act: (options) => compactStore(options, LOCK, {}) },
  { name: 'gc', daysLater: 30, act: (options) => collectStore(options, LOCK, {}) },
  { name: 'fold', daysLater: 0, act: fold },
  {
    name: 'forget',
    daysLater: 0,
    act: (options) => forget(options, LOCK, { table: ROWS, keys: [[1]] }),
    after: (rows) => JSON.stringify((JSON.parse(rows) as { id: number }[]).filter(({ id }) => id !== 1)),
  },
];

async function fold(options: StoreOptions): Promise<void> {
  const store = await openWritableStore(options, LOCK);
  try {
    // A run goes on from what small writes hold: opening the table folds them.
    await store.openTable({ ...runTarget() });
  } finally {
    await store.close();
  }
}

function runTarget() {
  return target({ table: ROWS, sourceTable: 'rows', pipeline: 'p' as PipelineId, incremental: 'version' });
}

const clockLater = (days: number): Clock => ({
  ...systemClock,
  nowMs: () => systemClock.nowMs() + days * DAY_MS,
});

const optionsOf = (root: string, days: number): StoreOptions =>
  storeOptions({ root, engine, clock: clockLater(days) });

/** Runs, a snapshot, runs beside it, deletes, and small writes that are not folded. */
async function makeTemplate(): Promise<string> {
  const root = join(home, 'template', '.hakiri');
  const rows = Array.from({ length: 40 }, (_, i) => ({ id: i % 9, version: i, text: `row ${i}` }));
  const pull = (upTo: number) =>
    runInProcess({
      root,
      engine,
      source: rowsSource({
        rows: rows.slice(0, upTo),
        batchRows: 10,
        readingOrder: 'ascending',
        primaryKey: ['id'],
        incremental: 'version',
      }),
      table: { commitEveryRows: 10 },
    });
  await pull(20);
  await compactStore(optionsOf(root, 0), LOCK, {});
  await pull(30);
  await compactStore(optionsOf(root, 0), LOCK, {});
  await pull(40);
  const store = await openWritableStore(optionsOf(root, 0), LOCK);
  const { mode, primaryKey, pipeline, lineage } = runTarget();
  const writer = store.openSmallWrites({
    table: ROWS,
    mode,
    primaryKey,
    pipeline,
    lineage,
    incremental: 'version',
    subjectColumns: [],
    declared: schema(COLUMNS),
  });
  await writer.write([{ values: { id: 1, version: 100, text: 'small' } }, { delete: { id: 2 } }]);
  await writer.close();
  await store.close();
  return join(home, 'template');
}

const held = async (root: string): Promise<string> =>
  JSON.stringify(await queryStore({ root, engine }, 'SELECT id, version, text FROM rows ORDER BY id'));

/** Nothing lies there that belongs to nobody. */
async function assertNoLeftovers(root: string, days: number): Promise<void> {
  const store = await openWritableStore(optionsOf(root, days), LOCK);
  try {
    const { catalog, paths } = store;
    const collected = await catalog.collectedRuns(ROWS);
    const runs = (await catalog.runs(ROWS)).filter(({ run }) => !collected.has(run));
    const snapshots = await catalog.snapshots(ROWS);
    const known = new Set([
      ...runs.flatMap(({ parts }) => parts.map(({ path }) => path)),
      ...snapshots.flatMap(({ partitions }) =>
        partitions.flatMap(({ parts }) => parts.map(({ path }) => path)),
      ),
    ]);
    const found = readdirSync(join(paths.tables, ROWS, 'data'), { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.parquet') || name.endsWith('.tmp'));
    for (const name of found) assert.ok(known.has(`tables/rows/data/${name}`), `${name} belongs to nobody`);
  } finally {
    await store.close();
  }
}

async function assertNothingFailed(root: string): Promise<void> {
  const { checks } = await examineStore(optionsOf(root, 0));
  assert.deepEqual(
    checks.filter(({ state }) => state === 'failed'),
    [],
  );
}

interface Strike {
  readonly upkeep: Upkeep;
  readonly fault: Fault;
  readonly at: number;
  /** Where the second attempt is struck; the third is left in peace. */
  readonly again: number | undefined;
}

async function strike(
  template: string,
  before: string,
  { upkeep, fault, at, again }: Strike,
  seed: number,
): Promise<FaultFiles> {
  const folder = join(home, `${upkeep.name}-${fault}-${at}`);
  cpSync(template, folder, { recursive: true });
  const root = join(folder, '.hakiri');
  const random = seededRandom(seed).next;
  const states = [before, upkeep.after?.(before) ?? before];
  const attempt = async (place: number): Promise<FaultFiles> => {
    const files = faultFiles({ root: folder, fault, at: place, random });
    await upkeep.act({ ...optionsOf(root, upkeep.daysLater), files }).catch(() => {});
    assert.ok(states.includes(await held(root)), 'the table holds neither the old state nor the new one');
    return files;
  };
  const files = await attempt(at);
  if (again !== undefined) await attempt(again);
  // Whoever opens it next mends it.
  if (upkeep.name !== 'gc') await assertNoLeftovers(root, upkeep.daysLater);
  assert.ok(states.includes(await held(root)), 'mending changed what the table holds');
  await assertNothingFailed(root);
  await upkeep.act(optionsOf(root, upkeep.daysLater));
  assert.equal(await held(root), states[1], 'the next attempt does not complete');
  await assertNoLeftovers(root, upkeep.daysLater);
  await assertNothingFailed(root);
  rmSync(folder, { recursive: true, force: true });
  return files;
}

test('a fault at any file operation of compaction, collection, folding and forgetting leaves the old state or the new one', async (t) => {
  const seed = TEST_SEED;
  const template = await makeTemplate();
  const before = await held(join(template, '.hakiri'));
  const started = performance.now();
  const order = seededRandom(seed);
  const cases: Strike[] = [];
  for (const upkeep of UPKEEP) {
    const whole = { upkeep, fault: 'eio', at: Number.POSITIVE_INFINITY, again: undefined } as const;
    const { operations } = await strike(template, before, whole, seed);
    for (const fault of FAULTS) {
      for (let at = 1; at <= operations; at++) {
        cases.push({ upkeep, fault, at, again: order.chance(0.3) ? 1 + order.below(operations) : undefined });
      }
    }
  }
  const shuffled = cases.map((item) => ({ item, key: order.next() })).sort((a, b) => a.key - b.key);
  let done = 0;
  for (const { item } of shuffled) {
    if (performance.now() - started > BUDGET_MS) break;
    try {
      const files = await strike(template, before, item, seed + item.at);
      assert.ok(files.struck);
    } catch (cause) {
      const { upkeep, fault, at, again } = item;
      throw new Error(
        `HAKIRI_SEED=${seed}: ${fault} at operation ${at} of ${upkeep.name}, then at ${again}`,
        { cause },
      );
    }
    done++;
  }
  t.diagnostic(`${done} of ${cases.length} cases, seed ${seed}`);
});
