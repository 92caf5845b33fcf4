import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IndexSpec } from '@hakiri/core';
import { filesBelow, indexedWorld, note, schemaOf, TEXT, VECTOR } from './support/indexed-world.ts';

test('rows are found by keyword and by vector when their commit is done', async (t) => {
  const world = await indexedWorld(t);
  await world.run([note(1, 'red fox', 'runs away'), note(2, 'blue whale', 'swims'), note(3, 'green tree')]);
  assert.deepEqual(await world.found('running'), [1]);
  assert.deepEqual((await world.found('blue whale', { mode: 'vector' }))[0], 2);
  assert.deepEqual((await world.found('green trees', { mode: 'hybrid' }))[0], 3);
  assert.deepEqual(world.events, []);
  assert.deepEqual((await world.search('fox')).behind, { words: 0 });
});

test('a superseded and a deleted row leave at once', async (t) => {
  const world = await indexedWorld(t);
  await world.run([note(1, 'red fox'), note(2, 'red whale'), note(3, 'red tree')]);
  assert.deepEqual([...(await world.found('red'))].sort(), [1, 2, 3]);
  await world.run([note(1, 'black fox'), { id: 2, _hakiri_deleted: true } as never]);
  assert.deepEqual(await world.found('red'), [3]);
  assert.deepEqual(await world.found('red', { mode: 'vector', k: 10 }), [3, 1]);
  assert.deepEqual(await world.found('black'), [1]);
});

test('a filter holds before the search, and its rows are asked for once', async (t) => {
  const world = await indexedWorld(t);
  await world.run(Array.from({ length: 40 }, (_, i) => note(i, `red thing ${i}`)));
  const found = await world.found('red', { where: `"part" = 'p1' AND "id" < 10` });
  assert.deepEqual([...found].sort(), [1, 3, 5, 7, 9]);
  assert.deepEqual(await world.found('red', { where: `"id" = 99` }), []);
});

test('small writes are found before they are folded, and after', async (t) => {
  const world = await indexedWorld(t);
  await world.run([note(1, 'red fox'), note(2, 'red whale')]);
  await world.write([{ values: note(3, 'red tree') }, { values: note(1, 'black fox') }]);
  assert.deepEqual([...(await world.found('red'))].sort(), [2, 3]);
  assert.deepEqual(await world.found('black fox', { mode: 'vector', k: 1 }), [1]);
  await world.write([{ values: { id: 3 }, deleted: true } as never]);
  assert.deepEqual(await world.found('red'), [2]);
  await world.fold();
  assert.deepEqual(await world.found('red'), [2]);
  assert.deepEqual(await world.found('black'), [1]);
});

test('a compaction keeps every answer, and analyses nothing again', async (t) => {
  const world = await indexedWorld(t, { specs: [TEXT, VECTOR] });
  for (let run = 0; run < 4; run++) {
    await world.run(
      Array.from({ length: 30 }, (_, i) => note(i * (run + 1), `red thing ${i}`, `body of ${run}`)),
    );
  }
  const asked = ['red', 'thing 7', 'body', '"body of 3"'];
  const answers = async () =>
    Promise.all(asked.flatMap((text) => [world.search(text), world.search(text, { mode: 'vector' })]));
  const before = await answers();
  await world.compact();
  assert.deepEqual(
    (await answers()).map(({ hits }) => hits),
    before.map(({ hits }) => hits),
  );
  assert.deepEqual(world.events, []);
  await world.rebuild();
  assert.deepEqual(
    (await answers()).map(({ hits }) => hits),
    before.map(({ hits }) => hits),
  );
});

test('what is in a struct, in no text column, or null is indexed as its text', async (t) => {
  const spec = { ...TEXT, name: 'other', columns: ['user.login', 'id', 'body'], analyzer: 'simple' as const };
  const world = await indexedWorld(t, { specs: [spec] });
  await world.run([note(11, 'a', null as never), note(12, 'b', 'twelve', { user: null })]);
  assert.deepEqual(await world.found('user11'), [11]);
  assert.deepEqual(await world.found('12'), [12]);
  assert.deepEqual(await world.found('twelve'), [12]);
});

test('a table without a key is told by run and sequence', async (t) => {
  const world = await indexedWorld(t, { primaryKey: [], mode: 'append' });
  await world.run([note(1, 'red fox'), note(1, 'red fox')]);
  const { hits } = await world.search('fox');
  assert.deepEqual(
    hits.map(({ key, run, seq }) => [key, run, seq]),
    hits.map(({ run, seq }) => [[run, seq], run, seq]),
  );
  assert.equal(hits.length, 2);
  await world.compact();
  assert.equal((await world.search('fox')).hits.length, 2);
});

test('what forget removes stands in no file of an index', async (t) => {
  const world = await indexedWorld(t);
  await world.run([note(1, 'the zanzibars secret'), note(2, 'red fox')]);
  await world.write([{ values: note(3, 'zanzibars again') }]);
  await world.compact();
  await world.forget([1, 3]);
  const holds = async (): Promise<readonly string[]> => {
    const { readFileSync } = await import('node:fs');
    return filesBelow(world.root).filter((path) => readFileSync(path).includes('zanzib'));
  };
  assert.deepEqual(await holds(), []);
  await world.catchUp();
  assert.deepEqual(await holds(), []);
  assert.deepEqual(await world.found('zanzibars'), []);
  assert.deepEqual(await world.found('fox'), [2]);
});

test('columns with the names of the engine for places are as good as any', async (t) => {
  const columns = schemaOf({
    id: 'int64',
    file_row_number: 'string',
    filename: 'string',
    file_index: 'int32',
  });
  const world = await indexedWorld(t, {
    columns,
    specs: [{ ...TEXT, columns: ['file_row_number', 'filename'] } as IndexSpec],
  });
  const rows = Array.from({ length: 30 }, (_, id) => ({
    id,
    file_row_number: `fox ${id}`,
    filename: 'whale',
    file_index: 7,
  }));
  await world.run(rows);
  await world.run([{ id: 3, file_row_number: 'tree', filename: 'oak', file_index: 1 }]);
  assert.deepEqual(await world.found('"fox 12"'), [12]);
  assert.deepEqual(await world.found('tree'), [3]);
  assert.equal((await world.found('fox')).includes(3), false);
  await world.compact();
  assert.deepEqual(await world.found('"fox 12"'), [12]);
  assert.equal((await world.found('whale')).length, 29);
});
