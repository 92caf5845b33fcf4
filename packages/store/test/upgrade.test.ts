import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, type TestContext, test } from 'node:test';
import { testEngine } from '../../engine/test/support/engine.ts';
import { requireKnownStores } from '../src/disk/known-stores.ts';
import {
  examineStore,
  forget,
  openMaintenance,
  openStore,
  openWritableStore,
  rebuildCatalog,
  STORE_FORMAT,
  type StoreOptions,
  type Upgrade,
} from '../src/index.ts';
import { catalogSummary as summary } from './support/earlier/questions.ts';
import { BUILDS, type Build } from './support/earlier/served-rows.ts';
import { EARLIER_PROJECT, type EarlierStore, unpackEarlier } from './support/earlier/unpack.ts';
import { upgradeInProcess } from './support/earlier/upgrade-in-process.ts';
import { findValues } from './support/find-values.ts';
import { contextOf, emptyRoot, schema, spool, storeOptions, target } from './support/test-store.ts';

const engine = testEngine();
after(() => engine.close());

const LOCK = { command: 'test', waitMs: 0 };

interface Opening {
  readonly options: StoreOptions;
  readonly upgrades: readonly Upgrade[];
}

/** Options that keep what is told of upgrades. */
function opening({ root }: EarlierStore): Opening {
  const upgrades: Upgrade[] = [];
  const onUpgrade = (upgrade: Upgrade): void => void upgrades.push(upgrade);
  return { options: { ...storeOptions(root, engine), project: EARLIER_PROJECT, onUpgrade }, upgrades };
}

const formatOf = ({ context }: Pick<EarlierStore, 'context'>): string =>
  readFileSync(join(context, 'config.toml'), 'utf8').split('\n')[1] ?? '';

const backupsOf = ({ context }: Pick<EarlierStore, 'context'>): readonly string[] =>
  existsSync(join(context, 'backups')) ? readdirSync(join(context, 'backups')) : [];

const catalogFile = ({ context }: Pick<EarlierStore, 'context'>): string => join(context, 'meta.sqlite');

for (const build of BUILDS) {
  test(`a store of the build "${build}" is upgraded at its first opening, once, and what is changed is kept`, async (t) => {
    const earlier = unpackEarlier(t, build);
    const { options, upgrades } = opening(earlier);
    const store = await openStore(options);
    const [backup = ''] = backupsOf(earlier);
    const path = join(earlier.context, 'backups', backup);
    assert.deepEqual(upgrades, [{ from: 1, to: STORE_FORMAT, backup: path }]);
    assert.equal(formatOf(earlier), `format = ${STORE_FORMAT}`);
    assert.deepEqual(readdirSync(path).sort(), ['README.txt', 'config.toml', 'meta.sqlite']);
    assert.equal(formatOf({ context: path }), 'format = 1');
    const { catalog, cursors } = earlier.expected;
    assert.deepEqual(summary(catalogFile({ context: path })), { catalog, cursors });
    assert.deepEqual(summary(catalogFile(earlier)), { catalog: STORE_FORMAT, cursors });
    await store.close();
    const { checks } = await examineStore(options);
    assert.deepEqual(
      checks.filter(({ state }) => state !== 'ok'),
      [],
    );
    assert.equal(checks.find(({ name }) => name === 'backup')?.path, path);

    await (await openWritableStore(options, LOCK)).close();
    await openMaintenance(options, LOCK, async () => {});
    assert.equal(upgrades.length, 1);
    assert.deepEqual(backupsOf(earlier), [backup]);
  });
}

const OPENINGS: Readonly<Record<string, (options: StoreOptions) => Promise<unknown>>> = {
  'to write': async (options) => (await openWritableStore(options, LOCK)).close(),
  'to maintain': (options) => openMaintenance(options, LOCK, async () => {}),
  'to be examined': (options) => examineStore(options),
  'to rebuild its catalog': (options) => rebuildCatalog(options, LOCK),
};

for (const [how, open] of Object.entries(OPENINGS)) {
  test(`an earlier store is upgraded by whoever opens it ${how}`, async (t) => {
    const earlier = unpackEarlier(t, 'snapshots');
    const { options, upgrades } = opening(earlier);
    await open(options);
    assert.equal(upgrades.length, 1);
    assert.equal(formatOf(earlier), `format = ${STORE_FORMAT}`);
  });
}

test('of eight processes that come to an earlier store at once, one upgrades it', async (t) => {
  const earlier = unpackEarlier(t, 'first');
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => upgradeInProcess(earlier)));
  assert.deepEqual(
    outcomes.map(({ code }) => code),
    Array(8).fill(0),
    JSON.stringify(outcomes),
  );
  assert.equal(outcomes.filter(({ stdout }) => stdout.includes('upgraded')).length, 1);
  assert.equal(backupsOf(earlier).length, 1);
  assert.equal(formatOf(earlier), `format = ${STORE_FORMAT}`);
});

test('a catalog of an earlier store that is lost or damaged is told as such, and nothing is changed', async (t) => {
  const faults: Readonly<Record<string, (path: string) => void>> = {
    lost: (path) => rmSync(path),
    damaged: (path) => writeFileSync(path, 'no database'),
    torn: (path) => {
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.fill(0x5a, 4096, 12_288));
    },
  };
  for (const [what, spoil] of Object.entries(faults)) {
    const earlier = unpackEarlier(t, 'first');
    const { options, upgrades } = opening(earlier);
    spoil(catalogFile(earlier));
    await assert.rejects(openStore(options), { code: 'store.catalog_lost' }, what);
    assert.equal(formatOf(earlier), 'format = 1', what);
    assert.deepEqual(backupsOf(earlier), [], what);
    const { runs } = await rebuildCatalog(options, LOCK);
    assert.equal(runs.length, 9, what);
    assert.equal(upgrades.length, 1, what);
    assert.deepEqual(readdirSync(upgrades[0]?.backup ?? '').sort(), ['README.txt', 'config.toml'], what);
    const { checks } = await examineStore(options);
    assert.deepEqual(
      checks.filter(({ state }) => state !== 'ok'),
      [],
      what,
    );
  }
});

test('while another process writes, an earlier store is not upgraded, and who comes is told by whom', async (t) => {
  const earlier = unpackEarlier(t, 'first');
  const { options } = opening(earlier);
  mkdirSync(join(earlier.root, 'cache'), { recursive: true });
  const lock = new DatabaseSync(join(earlier.root, 'cache/demo.lock'));
  lock.exec('BEGIN EXCLUSIVE');
  writeFileSync(
    join(earlier.root, 'cache/demo.lock.json'),
    JSON.stringify({ pid: 42, command: 'hakiri run', since: '2026-01-01T00:00:00Z' }),
  );
  let nowMs = 0;
  const clock = {
    ...options.clock,
    monotonicMs: () => nowMs,
    sleep: async () => {
      nowMs += 5000;
    },
  };
  await assert.rejects(openStore({ ...options, clock }), {
    code: 'store.locked',
    message: /has format 1 and is brought to 2 before it is used: .* process 42 \(hakiri run\)/,
  });
  lock.close();
  assert.equal(formatOf(earlier), 'format = 1');
});

test('what is kept, put back as it says, is the store as it was', async (t) => {
  const earlier = unpackEarlier(t, 'first');
  const { options, upgrades } = opening(earlier);
  await (await openStore(options)).close();
  const { backup } = upgrades[0] as Upgrade;
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${catalogFile(earlier)}${suffix}`, { force: true });
  for (const name of ['config.toml', 'meta.sqlite']) cpSync(join(backup, name), join(earlier.context, name));
  rmSync(join(earlier.root, 'cache'), { recursive: true });
  assert.equal(formatOf(earlier), 'format = 1');
  const { catalog, cursors } = earlier.expected;
  assert.deepEqual(summary(catalogFile(earlier)), { catalog, cursors });
  await (await openStore(options)).close();
  assert.equal(upgrades.length, 2);
  assert.equal(backupsOf(earlier).length, 2);
});

test('what is forgotten leaves no backup that may name it', async (t) => {
  const earlier = unpackEarlier(t, 'snapshots');
  const { options, upgrades } = opening(earlier);
  // The least one: a snapshot's manifest names it, and so does the catalog that holds it.
  const subject = 'person0@example.com';
  await (await openStore(options)).close();
  const planted = { subject: [subject] };
  assert.deepEqual(await findValues(join(earlier.context, 'backups'), planted), [
    `subject in ${backupsOf(earlier)[0]}/meta.sqlite`,
  ]);
  await forget(options, LOCK, { subject });
  assert.equal(upgrades.length, 1);
  assert.deepEqual(backupsOf(earlier), []);
  rmSync(join(earlier.folder, 'expected.json'));
  assert.deepEqual(await findValues(earlier.root, planted), []);
});

test('whoever keeps a catalog open reads it no more once a newer Hakiri has upgraded it', async (t) => {
  const { root, options } = await newStore(t);
  const store = await openStore(options);
  setCatalogVersion(root, STORE_FORMAT + 1);
  await assert.rejects(store.tables(), { code: 'store.newer_format' });
  await assert.rejects(store.catalog.startJob('j' as never, 'p' as never, ''), {
    code: 'store.newer_format',
  });
  await store.close();
});

test('a folder of a newer Hakiri is known as such by its config or its catalog, and nothing in it is touched', async (t) => {
  const { root, options } = await newStore(t);
  requireKnownStores(root);
  requireKnownStores(join(root, 'nowhere'));
  const config = join(contextOf(root), 'config.toml');
  const text = readFileSync(config, 'utf8');
  const openings = Object.entries({
    ...OPENINGS,
    'to read': async (given: StoreOptions) => (await openStore(given)).close(),
    'to forget': (given: StoreOptions) => forget(given, LOCK, { subject: 'x' }),
  }).filter(([how]) => how !== 'to be examined');
  const spoils = {
    config: () => writeFileSync(config, text.replace(/\d+/, '99')),
    catalog: () => {
      writeFileSync(config, text);
      setCatalogVersion(root, 99);
    },
  };
  for (const [what, spoil] of Object.entries(spoils)) {
    spoil();
    assert.throws(() => requireKnownStores(root), {
      code: 'store.newer_format',
      message: /has format 99; this Hakiri knows up to \d+$/,
    });
    for (const [how, open] of openings) {
      // The catalog is made anew, whatever it was.
      if (what === 'catalog' && how === 'to rebuild its catalog') continue;
      await assert.rejects(open(options), { code: 'store.newer_format' }, `${what}: ${how}`);
    }
    const { checks } = await examineStore(options);
    assert.equal(checks.at(-1)?.state, 'failed');
  }
});

async function newStore(t: TestContext): Promise<{ root: string; options: StoreOptions }> {
  const root = emptyRoot(t);
  const options = storeOptions(root, engine);
  const store = await openWritableStore(options, LOCK);
  const writer = await store.openTable(target());
  await writer.writePart(spool(root, schema({ id: 'int64' }), [{ id: 1 }]));
  await writer.commit('c1');
  await store.close();
  return { root, options };
}

function setCatalogVersion(root: string, version: number): void {
  const db = new DatabaseSync(join(contextOf(root), 'meta.sqlite'));
  db.exec(`PRAGMA user_version = ${version}`);
  db.close();
}

test('a new store is of the newest format, and has nothing to keep', async (t) => {
  const { root } = await newStore(t);
  assert.equal(formatOf({ context: contextOf(root) }), `format = ${STORE_FORMAT}`);
  assert.ok(!readdirSync(contextOf(root)).includes('backups'), basename(root));
});

test('a store of every earlier format is here to be upgraded, and the guide tells of every format', (t) => {
  const found = new Set(BUILDS.map((build) => formatOf(unpackEarlier(t, build))));
  const formats = Array.from({ length: STORE_FORMAT }, (_, i) => i + 1);
  assert.deepEqual(
    [...found].sort(),
    formats.slice(0, -1).map((format) => `format = ${format}`),
  );
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/upgrading.md'), 'utf8');
  for (const format of formats) assert.match(guide, new RegExp(`^\\| ${format} +\\| `, 'm'));
});

test('archives of earlier stores are small', () => {
  for (const build of BUILDS satisfies readonly Build[]) {
    assert.ok(readFileSync(join(import.meta.dirname, `fixtures/${build}.tar.gz`)).length < 150_000, build);
  }
});
