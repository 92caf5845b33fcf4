import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { testEngine } from '../../engine/test/support/engine.ts';
import { examineStore, openStore, openWritableStore, rebuildCatalog } from '../src/index.ts';
import {
  contextOf,
  emptyRoot,
  NODE,
  runId,
  schema,
  spool,
  storeOptions,
  target,
} from './support/test-store.ts';

const engine = testEngine();
after(() => engine.close());

const LOCK = { command: 'test', waitMs: 0 };
const COLUMNS = schema({ id: 'int64' });
const catalogFile = (root: string): string => join(contextOf(root), 'meta.sqlite');
const runFolder = (root: string, n: number): string =>
  join(contextOf(root), 'tables/things/data/runs', runId(n), NODE);

/** A store of so many commits, and its catalog as it was after each of them. */
async function storeOf(t: TestContext, commits: number): Promise<string> {
  const root = emptyRoot(t);
  for (let n = 1; n <= commits; n++) {
    const store = await openWritableStore(storeOptions(root, engine, n), LOCK);
    const writer = await store.openTable(target());
    await writer.writePart(spool(root, COLUMNS, [{ id: n }]));
    await writer.commit(`c${n}`);
    await store.close();
    copyFileSync(catalogFile(root), `${catalogFile(root)}.after-${n}`);
  }
  return root;
}

/** The catalog forgets everything after the commit of that number. */
function goBack(root: string, n: number): void {
  copyFileSync(`${catalogFile(root)}.after-${n}`, catalogFile(root));
}

test('a writer adopts complete manifests that the catalog does not know, oldest first, with cursor and view', async (t) => {
  const root = await storeOf(t, 3);
  goBack(root, 1);
  const store = await openWritableStore(storeOptions(root, engine), LOCK);
  assert.deepEqual(store.recovery.adopted, [runId(2), runId(3)]);
  assert.equal((await store.catalog.cursor(target().pipeline, 'things'))?.cursor, 'c3');
  assert.equal((await store.tables())[0]?.lastRun, runId(3));
  await store.close();
  const view = readFileSync(join(contextOf(root), 'views/things.sql'), 'utf8');
  for (const n of [1, 2, 3]) assert.ok(view.includes(runId(n)));
  const again = await openWritableStore(storeOptions(root, engine), LOCK);
  assert.deepEqual(again.recovery, { adopted: [], damaged: [], swept: [], abandonedJobs: 0 });
  await again.close();
});

test('a reader adopts as well', async (t) => {
  const root = await storeOf(t, 2);
  goBack(root, 1);
  const store = await openStore(storeOptions(root, engine));
  assert.equal((await store.tables())[0]?.newer.length, 2);
  await store.close();
});

test('a manifest that is damaged, or whose part is cut, is left alone and told', async (t) => {
  const root = await storeOf(t, 3);
  goBack(root, 1);
  writeFileSync(join(runFolder(root, 2), '_manifest.json'), '{"format": 1');
  writeFileSync(join(runFolder(root, 3), 'part-00000.parquet'), 'cut');
  const store = await openWritableStore(storeOptions(root, engine), LOCK);
  assert.deepEqual(store.recovery.adopted, []);
  assert.deepEqual(
    store.recovery.damaged.map(({ error }) => error.code),
    ['store.damaged', 'store.damaged'],
  );
  assert.equal((await store.tables())[0]?.newer.length, 1, 'what was committed before is there');
  assert.ok(existsSync(runFolder(root, 2)));
  await store.close();
});

test('a manifest of a path that leads out of the store is damaged', async (t) => {
  const root = await storeOf(t, 2);
  goBack(root, 1);
  const path = join(runFolder(root, 2), '_manifest.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"path": "tables/', '"path": "tables/../../../'));
  const store = await openWritableStore(storeOptions(root, engine), LOCK);
  assert.deepEqual(
    store.recovery.damaged.map(({ error }) => error.code),
    ['store.damaged'],
  );
  await store.close();
});

test('what a damaged run set aside stays for whoever mends the run', async (t) => {
  const root = await storeOf(t, 2);
  goBack(root, 1);
  rmSync(join(runFolder(root, 2), 'part-00000.parquet'));
  const quarantine = join(contextOf(root), 'tables/things/quarantine', `${runId(2)}.ndjson`);
  mkdirSync(dirname(quarantine), { recursive: true });
  writeFileSync(quarantine, 'set aside');
  const store = await openWritableStore(storeOptions(root, engine), LOCK);
  assert.deepEqual(store.recovery.swept, []);
  assert.equal(readFileSync(quarantine, 'utf8'), 'set aside');
  await store.close();
});

test('what runs that died left behind is swept by a writer, never by a reader', async (t) => {
  const root = await storeOf(t, 1);
  const orphan = join(runFolder(root, 9), 'part-00000.parquet');
  const quarantine = join(contextOf(root), 'tables/things/quarantine', `${runId(9)}.ndjson`);
  for (const path of [orphan, quarantine]) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'left');
  }
  await (await openStore(storeOptions(root, engine))).close();
  assert.ok(existsSync(orphan));
  const store = await openWritableStore(storeOptions(root, engine), LOCK);
  assert.equal(store.recovery.swept.length, 2);
  assert.deepEqual([existsSync(dirname(dirname(orphan))), existsSync(quarantine)], [false, false]);
  await store.close();
});

test('a missing catalog beside committed runs is a loss; the manifests make it again', async (t) => {
  const root = await storeOf(t, 3);
  const options = storeOptions(root, engine);
  const before = await openStore(options);
  const table = await before.catalog.table(target().table);
  await before.close();
  rmSync(catalogFile(root));
  await assert.rejects(openStore(options), { code: 'store.catalog_lost' });
  await assert.rejects(openWritableStore(options, LOCK), { code: 'store.catalog_lost' });
  const { runs, damaged } = await rebuildCatalog(options, LOCK);
  assert.deepEqual([runs, damaged], [[runId(1), runId(2), runId(3)], []]);
  const rebuilt = await openStore(options);
  assert.deepEqual(await rebuilt.catalog.table(target().table), table);
  assert.equal((await rebuilt.catalog.cursor(target().pipeline, 'things'))?.cursor, 'c3');
  await rebuilt.close();
  const { checks } = await examineStore(options);
  assert.deepEqual(
    checks.filter(({ state }) => state !== 'ok'),
    [],
  );
});

test('rebuilding waits for nobody who writes', async (t) => {
  const root = await storeOf(t, 1);
  const options = storeOptions(root, engine);
  const store = await openWritableStore(options, LOCK);
  await assert.rejects(rebuildCatalog(options, LOCK), { code: 'store.locked' });
  await store.close();
});

test('a folder without a store is told as such to a reader, and is no loss', async (t) => {
  const options = storeOptions(emptyRoot(t), engine);
  await assert.rejects(openStore(options), { code: 'store.not_found' });
  const { checks } = await examineStore(options);
  assert.deepEqual(
    checks.map(({ state, name }) => [state, name]),
    [['warning', 'store']],
  );
});

test('a store or a catalog of a newer Hakiri is refused', async (t) => {
  const root = await storeOf(t, 1);
  const options = storeOptions(root, engine);
  const config = join(contextOf(root), 'config.toml');
  const text = readFileSync(config, 'utf8');
  writeFileSync(config, text.replace(/format = \d+/, 'format = 99'));
  await assert.rejects(openStore(options), { code: 'store.newer_format' });
  await assert.rejects(openWritableStore(options, LOCK), { code: 'store.newer_format' });
  writeFileSync(config, text);
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(catalogFile(root));
  db.exec('PRAGMA user_version = 99');
  db.close();
  await assert.rejects(openStore(options), { code: 'store.newer_format' });
});
