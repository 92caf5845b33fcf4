import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { type Clock, type SnapshotManifest, type TableTarget, ulidTimeMs } from '@hakiri/core';
import {
  collectStore,
  compactStore,
  examineStore,
  openStore,
  openWritableStore,
  rebuildCatalog,
  repairStore,
  type StoreOptions,
  type TableSettings,
} from '../src/index.ts';
import { viewSelect } from '../src/view/view-sql.ts';
import { testEngine } from './support/engine.ts';
import { type AnyRow, readThroughView } from './support/foreign-readers.ts';
import {
  contextOf,
  emptyRoot,
  realClock,
  runId,
  schema,
  spool,
  storeOptions,
  target,
} from './support/test-store.ts';

const engine = testEngine();
after(() => engine.close());

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const COLUMNS = schema({ id: 'int64', version: 'int64', name: 'string' });
const LOCK = { command: 'test', waitMs: 0 };

interface World {
  readonly root: string;
  readonly options: StoreOptions;
  readonly clock: { ms: number };
  /** One run with these rows; undefined values are left out. */
  run(rows: readonly object[], whole?: boolean): Promise<void>;
  compact(): ReturnType<typeof compactStore>;
  rows(): Promise<readonly AnyRow[]>;
  /** `[id, version, name]` in the order of ids. */
  seen(): Promise<unknown[][]>;
  manifest(): Promise<SnapshotManifest>;
}

function world(
  t: TestContext,
  { settings = {}, ...parts }: Partial<TableTarget> & { settings?: Partial<TableSettings> } = {},
): World {
  const root = emptyRoot(t);
  const clock = { ms: ulidTimeMs(runId(1)) };
  const injected: Clock = { ...realClock, nowMs: () => clock.ms };
  const kept: TableSettings = {
    partitioning: undefined,
    retentionMs: 7 * DAY_MS,
    tombstoneRetentionMs: 30 * DAY_MS,
    ...settings,
  };
  const options = { ...storeOptions(root, engine), clock: injected, settings: () => kept };
  const rows = () => readThroughView(contextOf(root), 'things');
  return {
    root,
    options,
    clock,
    async run(records, whole) {
      const store = await openWritableStore(options, LOCK);
      try {
        const writer = await store.openTable(target({ incremental: 'version', ...parts }));
        if (records.length > 0) await writer.writePart(spool(root, COLUMNS, records));
        await writer.commit(undefined, whole);
      } finally {
        await store.close();
      }
    },
    compact: () => compactStore(options, LOCK, {}),
    rows,
    async seen() {
      const found = await rows();
      return found
        .map(({ id, version, name }) => [Number(id), version === null ? null : Number(version), name])
        .sort((a, b) => Number(a[0]) - Number(b[0]));
    },
    async manifest() {
      const store = await openStore(options);
      try {
        const [table] = await store.tables();
        assert.ok(table?.snapshot);
        return table.snapshot.manifest;
      } finally {
        await store.close();
      }
    },
  };
}

const row = (id: number, version: number | null, name = `${id}/${version}`) => ({ id, version, name });

const partFiles = (root: string): string[] =>
  readdirSync(join(contextOf(root), 'tables/things/data'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.parquet'))
    .sort();

test('compaction changes nothing that the view shows', async (t) => {
  const w = world(t);
  await w.run([row(1, 1), row(2, 1), row(3, 1)]);
  await w.run([row(2, 2), { id: 3, version: 5, _hakiri_deleted: true }]);
  await w.run([row(4, 1), row(2, 1, 'late')]);
  const before = await w.rows();
  const [done] = await w.compact();
  assert.equal(done?.runs, 3);
  assert.deepEqual([done?.before.parts, done?.after.parts], [3, 1]);
  const byId = (rows: readonly AnyRow[]) => [...rows].sort((a, b) => Number(a.id) - Number(b.id));
  assert.deepEqual(byId(await w.rows()), byId(before));
  const manifest = await w.manifest();
  assert.deepEqual(manifest.covers, [runId(1), runId(2), runId(3)]);
  assert.deepEqual([manifest.rows, manifest.tombstones], [4, 1]);
  assert.deepEqual(manifest.partitions[0]?.columns.id, { min: 1, max: 4, nulls: 0, distinct: 4 });
  assert.deepEqual(await w.compact(), [], 'a second time there is nothing to merge');
});

test('a run that comes late loses against the snapshot, a newer one wins, and a delete stays one', async (t) => {
  const w = world(t);
  await w.run([row(1, 10), row(2, 10), { id: 3, version: 10, _hakiri_deleted: true }]);
  await w.compact();
  await w.run([row(1, 9), row(2, 11), row(3, 9), row(4, 1)]);
  const expected = [
    [1, 10, '1/10'],
    [2, 11, '2/11'],
    [4, 1, '4/1'],
  ];
  assert.deepEqual(await w.seen(), expected);
  await w.compact();
  assert.deepEqual(await w.seen(), expected);
});

test('two runs with the same incremental value: the later run wins', async (t) => {
  const w = world(t);
  await w.run([row(1, 5, 'first')]);
  await w.compact();
  await w.run([row(1, 5, 'second')]);
  assert.deepEqual(await w.seen(), [[1, 5, 'second']]);
});

test('a row without a value counts as new as the newest, also beside a snapshot', async (t) => {
  const w = world(t);
  await w.run([row(1, 7), row(2, 3)]);
  await w.compact();
  await w.run([row(1, null, 'unversioned')]);
  assert.deepEqual(await w.seen(), [
    [1, null, 'unversioned'],
    [2, 3, '2/3'],
  ]);
});

test('only what changed is written again; the rest is carried by reference', async (t) => {
  const w = world(t, { settings: { partitioning: { kind: 'by', column: 'name' } } });
  const many = (name: string, from: number) =>
    Array.from({ length: 1200 }, (_, i) => ({ id: from + i, version: 1, name }));
  await w.run([...many('a', 0), ...many('b', 10_000), ...many('c', 20_000)]);
  await w.compact();
  const first = await w.manifest();
  assert.deepEqual(
    first.partitions.map(({ partition }) => partition),
    ['name=a', 'name=b', 'name=c'],
  );
  await w.run([{ id: 10_003, version: 2, name: 'c' }]);
  const [done] = await w.compact();
  assert.deepEqual([done?.partitions, done?.rewritten], [3, 2]);
  const second = await w.manifest();
  assert.deepEqual(second.partitions[0], first.partitions[0]);
  assert.deepEqual(
    second.partitions.map(({ rows }) => rows),
    [1200, 1199, 1201],
  );
  assert.equal((await w.rows()).filter(({ id }) => Number(id) === 10_003).length, 1, 'the row has moved');
});

test('a delete is forgotten after its time, and a run from before it is refused', async (t) => {
  const w = world(t, { settings: { tombstoneRetentionMs: 30 * DAY_MS } });
  await w.run([row(1, 1), row(2, 1)]);
  await w.run([{ id: 1, version: 2, _hakiri_deleted: true }]);
  await w.compact();
  assert.equal((await w.manifest()).tombstones, 1);
  w.clock.ms += 31 * DAY_MS;
  await w.run([row(3, 1)]);
  await w.compact();
  assert.equal((await w.manifest()).tombstones, 0);
  // From a machine that was offline: made before the horizon, never merged.
  const data = join(contextOf(w.root), 'tables/things/data/runs');
  const [late, covered] = [runId(0), runId(1)];
  const moved = readFileSync(join(data, covered, w.options.node, '_manifest.json'), 'utf8');
  const folder = join(data, late, w.options.node);
  mkdirSync(folder, { recursive: true });
  const manifest = JSON.parse(moved.replaceAll(covered, late));
  for (const part of manifest.parts) {
    writeFileSync(
      join(contextOf(w.root), part.path),
      readFileSync(join(contextOf(w.root), part.path.replaceAll(late, covered))),
    );
  }
  writeFileSync(join(folder, '_manifest.json'), JSON.stringify(manifest));
  const store = await openWritableStore(w.options, LOCK);
  assert.deepEqual(
    store.recovery.damaged.map(({ run, error }) => [run, error.code]),
    [[late, 'store.run_too_old']],
  );
  await store.close();
  assert.deepEqual(
    (await w.seen()).map(([id]) => id),
    [2, 3],
  );
});

test('a clock that is set back a year changes no winner and no order of snapshots', async (t) => {
  const w = world(t, { incremental: undefined });
  await w.run([row(1, 1)]);
  await w.compact();
  const first = await w.manifest();
  w.clock.ms -= 365 * DAY_MS;
  await w.run([row(1, 2), row(2, 2)]);
  await w.compact();
  const second = await w.manifest();
  assert.ok(second.snapshot > first.snapshot);
  assert.equal(second.parent, first.snapshot);
  assert.deepEqual(await w.seen(), [
    [1, 2, '1/2'],
    [2, 2, '2/2'],
  ]);
});

test('a whole pull of a replaced table deletes what it did not contain', async (t) => {
  const w = world(t, { mode: 'replace', incremental: undefined });
  await w.run([row(1, 1), row(2, 1)], true);
  await w.compact();
  await w.run([row(2, 2), row(3, 2)], true);
  assert.deepEqual(
    (await w.seen()).map(([id]) => id),
    [2, 3],
  );
  await w.compact();
  assert.deepEqual(
    (await w.seen()).map(([id]) => id),
    [2, 3],
  );
  await w.run([row(4, 4)], false);
  assert.deepEqual(
    (await w.seen()).map(([id]) => id),
    [2, 3, 4],
    'a pull that is not whole deletes nothing',
  );
  await w.run([], true);
  assert.deepEqual(await w.seen(), [], 'an empty whole pull empties the table');
});

test('what nothing within the retention needs is collected, and the past before it is gone', async (t) => {
  const w = world(t, { settings: { retentionMs: DAY_MS } });
  await w.run([row(1, 1)]);
  const then = new Date(w.clock.ms).toISOString();
  w.clock.ms += HOUR_MS;
  await w.run([row(1, 2)]);
  await w.compact();
  w.clock.ms += HOUR_MS;
  await w.run([row(2, 1)]);
  await w.compact();
  assert.equal((await collectStore(w.options, LOCK, {}))[0]?.runs, 0, 'all of it may still be asked for');
  const at = async (time: string) => {
    const store = await openStore(w.options);
    try {
      const table = await store.catalog.tableAsOf(target().table, { time });
      assert.ok(table);
      const sql = viewSelect(table, { path: store.paths.absolute, provenance: false });
      return await engine.select(`SELECT id, version FROM (${sql}) ORDER BY id`);
    } finally {
      await store.close();
    }
  };
  assert.deepEqual(await at(then), [[1, 1]]);
  const middle = new Date(w.clock.ms - HOUR_MS).toISOString();
  w.clock.ms += 2 * DAY_MS;
  const [collected] = await collectStore(w.options, LOCK, {});
  assert.deepEqual([collected?.runs, collected?.snapshots], [3, 1]);
  assert.equal(partFiles(w.root).length, 1);
  assert.deepEqual(await w.seen(), [
    [1, 2, '1/2'],
    [2, 1, '2/1'],
  ]);
  await assert.rejects(at(then), { code: 'query.as_of_gone' });
  await assert.rejects(at(middle), { code: 'query.as_of_gone' });
  assert.equal((await at(new Date(w.clock.ms).toISOString())).length, 2);
  const { checks } = await examineStore(w.options);
  assert.deepEqual(
    checks.filter(({ state }) => state !== 'ok'),
    [],
  );
});

test('a catalog that is lost after a collection is made again from snapshot and ledger', async (t) => {
  const w = world(t, { settings: { retentionMs: 0 } });
  await w.run([row(1, 1)]);
  await w.run([row(2, 1)]);
  await w.compact();
  w.clock.ms += DAY_MS;
  await collectStore(w.options, LOCK, {});
  await w.run([row(3, 1)]);
  const before = await w.seen();
  rmSync(join(contextOf(w.root), 'meta.sqlite'));
  const { runs, damaged } = await rebuildCatalog(w.options, LOCK);
  assert.deepEqual([runs, damaged], [[runId(3)], []]);
  assert.deepEqual(await w.seen(), before);
  const store = await openStore(w.options);
  assert.equal((await store.catalog.runs(target().table)).length, 3);
  await store.close();
});

test('of a run that left nothing, nothing is told for ever', async (t) => {
  const w = world(t, { settings: { retentionMs: 0, tombstoneRetentionMs: DAY_MS } });
  for (let turn = 1; turn <= 24; turn++) {
    await w.run([row(1, turn), row(100 + turn, 1)]);
    if (turn > 2) await w.run([row(1, turn, 'again')]);
    w.clock.ms += DAY_MS;
    await w.compact();
    await collectStore(w.options, LOCK, {});
  }
  const store = await openStore(w.options);
  const told = (await store.catalog.runs(target().table)).length;
  await store.close();
  // Each turn left a row of its own; the second run of a turn left none once the next one came.
  assert.ok(told >= 24 && told < 24 + 22, `${told} runs`);
  const before = await w.seen();
  rmSync(join(contextOf(w.root), 'meta.sqlite'));
  await rebuildCatalog(w.options, LOCK);
  assert.deepEqual(await w.seen(), before);
});

test('a damaged snapshot is named, and made again from the runs where they remain', async (t) => {
  const w = world(t);
  await w.run([row(1, 1), row(2, 1)]);
  await w.compact();
  await w.run([row(2, 2), row(3, 1)]);
  await w.compact();
  const before = await w.seen();
  const [part] = (await w.manifest()).partitions[0]?.parts ?? [];
  assert.ok(part);
  const path = join(contextOf(w.root), part.path);
  writeFileSync(path, Buffer.alloc(statSync(path).size));
  const { checks } = await examineStore(w.options);
  assert.ok(
    checks.some(
      ({ state, path: at, hint }) => state === 'failed' && at === part.path && hint?.includes('--repair'),
    ),
  );
  const [repair] = await repairStore(w.options, LOCK);
  assert.ok(repair?.made);
  assert.deepEqual(await w.seen(), before);
  assert.deepEqual(
    (await examineStore(w.options)).checks.filter(({ state }) => state !== 'ok'),
    [],
  );
});

test('a manifest of a snapshot that is lost is written again from the catalog', async (t) => {
  const w = world(t);
  await w.run([row(1, 1)]);
  await w.compact();
  const { snapshot } = await w.manifest();
  const path = join(contextOf(w.root), `tables/things/data/snapshot=${snapshot}/_manifest.json`);
  const text = readFileSync(path, 'utf8');
  rmSync(path);
  const { checks } = await examineStore(w.options);
  assert.ok(checks.some(({ name, state }) => name === 'snapshot' && state === 'failed'));
  assert.deepEqual(
    (await repairStore(w.options, LOCK)).map(({ made }) => made),
    ['manifest'],
  );
  assert.equal(readFileSync(path, 'utf8'), text);
});

test('a table without a key keeps every row through compaction', async (t) => {
  const w = world(t, { mode: 'append', primaryKey: [], incremental: undefined });
  await w.run([row(1, 1), row(1, 1)]);
  await w.run([row(1, 1)]);
  await w.compact();
  await w.run([row(1, 2)]);
  assert.equal((await w.rows()).length, 4);
  await w.compact();
  assert.equal((await w.rows()).length, 4);
});

test('who compacts is alone, and holds up neither a run nor a reader', async (t) => {
  const w = world(t);
  await w.run([row(1, 1)]);
  const store = await openWritableStore(w.options, LOCK);
  const writer = await store.openTable(target({ incremental: 'version' }));
  await writer.writePart(spool(w.root, COLUMNS, [row(2, 1)]));
  const [done] = await w.compact();
  assert.equal(done?.runs, 1, 'the writer has the store open all the while');
  await writer.commit('c');
  await store.close();
  assert.equal((await w.seen()).length, 2);
  const both = await Promise.allSettled([w.compact(), w.compact()]);
  assert.deepEqual(
    both.map((result) => (result.status === 'rejected' ? result.reason.code : 'done')).sort(),
    ['done', 'store.compacting'],
  );
});
