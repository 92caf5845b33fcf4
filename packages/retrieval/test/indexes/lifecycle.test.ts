import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type Embedder, HakiriError, type IndexSpec, tableParts } from '@hakiri/core';
import { collectStore } from '@hakiri/store';
import { filesBelow, indexedWorld, LOCK, NOTES, note, TEXT, VECTOR } from './support/indexed-world.ts';

const DIMS = 16;
const OTHER: IndexSpec = { ...VECTOR, model: 'letters', dims: DIMS } as IndexSpec;

/** A model that stands elsewhere: counts letters, and may be down. */
function letters(): Embedder & { down: boolean; texts: number } {
  return {
    down: false,
    texts: 0,
    model: { id: 'letters', dims: DIMS, kind: 'semantic', zone: 'local:device' },
    async embed(texts) {
      if (this.down) throw new HakiriError('embedding.unreachable', 'nobody there');
      this.texts += texts.length;
      return texts.map((text) => lettersOf(text));
    },
    close: async () => {},
  };
}

function lettersOf(text: string): Float32Array {
  const vector = new Float32Array(DIMS);
  for (const char of text) vector[char.charCodeAt(0) % DIMS]! += 1;
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

test('an endpoint that is down stops no data: the index is behind, and caught up later', async (t) => {
  const model = letters();
  model.down = true;
  const world = await indexedWorld(t, { specs: [TEXT, OTHER], embedder: async () => model });
  await world.run([note(1, 'red fox'), note(2, 'blue whale')]);
  assert.deepEqual(await world.found('fox'), [1]);
  assert.deepEqual(
    world.events.map(({ index, error }) => [index, error.code]),
    [['near', 'embedding.unreachable']],
  );
  assert.deepEqual(await world.indexes.behind(await world.table()), [
    { name: 'words', rowsBehind: 0 },
    { name: 'near', rowsBehind: 2 },
  ]);
  model.down = false;
  await world.catchUp();
  const vector = lettersOf('red fox');
  assert.deepEqual((await world.search('', { mode: 'vector', vector })).hits[0]?.key, [1]);
  assert.equal((await world.indexes.behind(await world.table()))[1]?.rowsBehind, 0);
  assert.equal(model.texts, 2);
  await world.catchUp();
  assert.equal(model.texts, 2);
});

test('a compaction and a small write that is folded take vectors from where they are', async (t) => {
  const model = letters();
  const world = await indexedWorld(t, { specs: [OTHER], embedder: async () => model });
  await world.run([note(1, 'red fox'), note(2, 'blue whale')]);
  await world.run([note(2, 'black whale'), note(3, 'green tree')]);
  assert.equal(model.texts, 4);
  model.down = true;
  rmSync(join(world.root, 'cache', 'embeddings'), { recursive: true });
  await world.compact();
  assert.deepEqual(world.events, []);
  const vector = lettersOf('black whale\n\n');
  assert.deepEqual((await world.search('', { mode: 'vector', vector, k: 1 })).hits[0]?.key, [2]);
});

test('small writes are behind in an index of another model until they are embedded', async (t) => {
  const model = letters();
  const world = await indexedWorld(t, { specs: [OTHER], embedder: async () => model });
  await world.run([note(1, 'red fox')]);
  await world.write([{ values: note(2, 'blue whale') }]);
  const vector = lettersOf('blue whale');
  const before = await world.search('', { mode: 'vector', vector });
  assert.deepEqual([before.hits.map(({ key }) => key[0]), before.behind], [[1], { near: 1 }]);
  await world.catchUp();
  // Maintenance folds the small writes of a store that nobody writes to.
  assert.deepEqual((await world.search('', { mode: 'vector', vector, k: 1 })).hits[0]?.key, [2]);
});

test('a damaged file of an index is told, not served, and made anew', async (t) => {
  const world = await indexedWorld(t);
  await world.run([note(1, 'red fox'), note(2, 'blue whale')]);
  for (const ending of ['.text', '.vec', '.rows', '_index.json']) {
    const mode = ending === '.vec' ? 'vector' : 'keyword';
    const path = filesBelow(world.root).find(
      (file) => file.endsWith(ending) && (ending !== '_index.json' || file.includes('/words-')),
    )!;
    const bytes = readFileSync(path);
    if (ending === '_index.json') truncateSync(path, 10);
    else
      writeFileSync(
        path,
        bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte)),
      );
    const other = await indexedWorld(t, { root: world.root });
    assert.deepEqual(
      (await other.indexes.check([await other.table()])).map((fault) => fault.path),
      [path],
      ending,
    );
    await assert.rejects(
      async () => {
        for (const text of ['red fox', 'blue whale']) await other.search(text, { mode });
      },
      (error: HakiriError) => error.code === 'index.damaged' && /index rebuild/.test(error.hint),
      ending,
    );
    await other.rebuild();
    assert.deepEqual(await other.indexes.check([await other.table()]), []);
    assert.deepEqual((await other.found('red fox', { mode }))[0], 1);
    await other.close();
  }
});

test('an index that is declared otherwise serves as it was until the new one is made', async (t) => {
  const world = await indexedWorld(t);
  await world.run([note(1, 'he runs'), note(2, 'a whale')]);
  const folders = () => [
    ...new Set(filesBelow(world.root).flatMap((path) => /_indexes\/(words-\w+)/.exec(path)?.[1] ?? [])),
  ];
  const [old] = folders();
  world.declare([{ ...TEXT, analyzer: 'simple' } as IndexSpec]);
  const [state] = await world.indexes.list([await world.table()]);
  assert.deepEqual(
    [state?.rowsBehind, state?.serving?.kind === 'fts' && state.serving.analyzer],
    [2, 'english'],
  );
  assert.deepEqual(await world.found('running'), [1]);
  await world.catchUp();
  assert.deepEqual(await world.found('running'), []);
  assert.deepEqual(await world.found('runs'), [1]);
  assert.equal(folders().length, 1);
  assert.notDeepEqual(folders(), [old]);
  world.declare([]);
  await world.catchUp();
  assert.deepEqual(
    filesBelow(world.root).filter((path) => path.includes('_indexes')),
    [],
  );
});

test('an index that is declared later is built from the parts that are there', async (t) => {
  const world = await indexedWorld(t, { specs: [] });
  await world.run([note(1, 'red fox'), note(2, 'blue whale')]);
  assert.deepEqual(
    filesBelow(world.root).filter((path) => path.includes('_indexes')),
    [],
  );
  world.declare([TEXT]);
  await assert.rejects(() => world.search('fox'), { code: 'index.not_built' });
  await world.catchUp();
  assert.deepEqual(await world.found('fox'), [1]);
});

test('indexes go with the parts they are of, and stay with those that are carried on', async (t) => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const world = await indexedWorld(t, {
    settings: () => ({
      partitioning: { kind: 'by', column: 'part' },
      retentionMs: 0,
      tombstoneRetentionMs: 0,
    }),
  });
  const options = { ...world.options, clock: { ...world.options.clock, nowMs: () => nowMs } };
  const rows = (from: number, part: string) =>
    Array.from({ length: 1200 }, (_, i) => note(from + i, `thing ${from + i}`, '', { part }));
  await world.run([...rows(0, 'a'), ...rows(5000, 'b')]);
  nowMs = Date.now();
  await world.compact();
  const carried = tableParts(await world.table())
    .map(({ path }) => path)
    .find((path) => path.includes('part=a'))!;
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await world.run(rows(5000, 'b').slice(0, 10));
  await world.compact();
  assert.ok(tableParts(await world.table()).some(({ path }) => path === carried));
  nowMs = Date.now() + 24 * 3_600_000;
  await collectStore(options, LOCK, {});
  const absolute = (path: string) => join(world.root, 'context', 'demo', path);
  assert.ok(readdirSync(join(dirname(absolute(carried)), '_indexes')).length > 1);
  const withParts = new Set(tableParts(await world.table()).map(({ path }) => dirname(absolute(path))));
  const withIndexes = new Set(
    filesBelow(world.root).flatMap((path) => /^(.*)\/_indexes\//.exec(path)?.[1] ?? []),
  );
  assert.deepEqual([...withIndexes].sort(), [...withParts].sort());
  assert.equal((await world.search('thing', { k: 1000 })).hits.length, 1000);
});

test('the past is searched as it was', async (t) => {
  const world = await indexedWorld(t);
  await world.run([note(1, 'red fox'), note(2, 'blue whale')]);
  const then = (await world.table()).lastRun;
  await world.run([note(1, 'black fox')]);
  await world.compact();
  const asOf = await (await world.store()).catalog.tableAsOf(NOTES, { run: then });
  assert.deepEqual(await world.found('red', { asOf: asOf! }), [1]);
  assert.deepEqual(await world.found('red'), []);
});

test('what another process makes is seen without being told', async (t) => {
  const one = await indexedWorld(t, { specs: [] });
  await one.run([note(1, 'red fox')]);
  one.declare([TEXT, VECTOR]);
  await assert.rejects(() => one.search('fox'), { code: 'index.not_built' });
  const other = await indexedWorld(t, { root: one.root });
  await other.catchUp();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(await one.found('fox'), [1]);
  await other.run([note(2, 'grey fox')]);
  assert.deepEqual([...(await one.found('fox'))].sort(), [1, 2]);
});

test('graphs and vectors of forgotten texts go, and the others stay', async (t) => {
  const model = letters();
  const world = await indexedWorld(t, { specs: [OTHER], embedder: async () => model });
  await world.run([note(1, 'secret'), note(2, 'blue whale')]);
  const [cache] = readdirSync(join(world.root, 'cache', 'embeddings', 'demo', 'notes')).filter((name) =>
    name.endsWith('.sqlite'),
  );
  const path = join(world.root, 'cache', 'embeddings', 'demo', 'notes', cache!);
  const hash = (text: string) => createHash('sha256').update(text).digest();
  assert.ok(
    readFileSync(path).includes(hash('secret')) || readFileSync(`${path}-wal`).includes(hash('secret')),
  );
  await world.forget([1]);
  assert.ok(!readFileSync(path).includes(hash('secret')));
  assert.ok(!existsSync(`${path}-wal`) || statSync(`${path}-wal`).size === 0);
  assert.ok(readFileSync(path).includes(hash('blue whale')));
  await world.catchUp();
  assert.equal(model.texts, 2);
});

test('a graph is made by catching up once a table is large, and goes with what is forgotten', async (t) => {
  const world = await indexedWorld(t, { specs: [VECTOR] });
  await world.run(Array.from({ length: 5200 }, (_, id) => note(id, `thing ${id}`)));
  const graphs = () => filesBelow(world.root).filter((path) => path.endsWith('.usearch'));
  assert.deepEqual(graphs(), []);
  await world.catchUp();
  const [made] = graphs();
  assert.ok(made !== undefined);
  await world.catchUp();
  assert.deepEqual(graphs(), [made]);
  assert.equal((await world.found('thing 77', { mode: 'vector', k: 3 }))[0], 77);
  await world.forget([77]);
  assert.deepEqual(graphs(), []);
  await world.catchUp();
  assert.equal(graphs().length, 1);
  assert.equal((await world.found('thing 77', { mode: 'vector', k: 50 })).includes(77), false);
});
