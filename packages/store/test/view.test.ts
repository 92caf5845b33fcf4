import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { TableTarget } from '@hakiri/core';
import { testEngine } from '../../engine/test/support/engine.ts';
import { openWritableStore } from '../src/index.ts';
import { readThroughView } from './support/foreign-readers.ts';
import { contextOf, emptyRoot, schema, spool, storeOptions, target } from './support/test-store.ts';

const engine = testEngine();
after(() => engine.close());

interface Part {
  readonly columns: Readonly<Record<string, string>>;
  readonly rows: readonly object[];
}

/** Commits each part on its own, and gives the rows of the view, ordered by `id`, without our own columns. */
async function viewOf(t: TestContext, parts: readonly Part[], table: Partial<TableTarget> = {}) {
  const root = emptyRoot(t);
  const store = await openWritableStore(storeOptions(root, engine), { command: 'test', waitMs: 0 });
  const writer = await store.openTable(target(table));
  for (const [index, { columns, rows }] of parts.entries()) {
    await writer.writePart(spool(root, schema(columns), rows));
    await writer.commit(`c${index}`);
  }
  await store.close();
  const rows = await readThroughView(contextOf(root), 'things');
  return rows
    .map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith('_hakiri_'))))
    .sort((a, b) => Number(a.id) - Number(b.id));
}

test('an older part reads under a wider integer', async (t) => {
  const rows = await viewOf(t, [
    { columns: { id: 'int64', n: 'int32' }, rows: [{ id: 1, n: 2147483647 }] },
    { columns: { id: 'int64', n: 'int64' }, rows: [{ id: 2, n: 2147483648 }] },
  ]);
  assert.deepEqual(rows, [
    { id: 1n, n: 2147483647n },
    { id: 2n, n: 2147483648n },
  ]);
});

test('an older part has null for a field that its structs did not have, in lists too', async (t) => {
  const rows = await viewOf(t, [
    {
      columns: { id: 'int64', s: 'struct<a: int64>', l: 'struct<a: int64>[]' },
      rows: [{ id: 1, s: { a: 1 }, l: [{ a: 2 }] }],
    },
    {
      columns: { id: 'int64', s: 'struct<a: int64, b: string>', l: 'struct<a: int64, b: string>[]' },
      rows: [{ id: 2, s: { a: 3, b: 'x' }, l: [{ a: 4, b: 'y' }] }],
    },
  ]);
  assert.deepEqual(rows, [
    { id: 1n, s: { a: 1n, b: null }, l: [{ a: 2n, b: null }] },
    { id: 2n, s: { a: 3n, b: 'x' }, l: [{ a: 4n, b: 'y' }] },
  ]);
});

test('older values become JSON when their column does: text is quoted, not parsed', async (t) => {
  const rows = await viewOf(
    t,
    [
      {
        columns: { id: 'int64', v: 'string' },
        rows: [
          { id: 1, v: '{"not": "parsed"}' },
          { id: 2, v: null },
        ],
      },
      { columns: { id: 'int64', v: 'json' }, rows: [{ id: 3, v: { a: [1] } }] },
    ],
    { onConflict: 'json' },
  );
  assert.deepEqual(
    rows.map(({ v }) => (v === null ? null : JSON.parse(String(v)))),
    ['{"not": "parsed"}', null, { a: [1] }],
  );
});

test('a column that was only null is in the view before and after it has a type', async (t) => {
  const first: Part = { columns: { id: 'int64', v: 'undecided' }, rows: [{ id: 1, v: null }] };
  const second: Part = { columns: { id: 'int64', v: 'string[]' }, rows: [{ id: 2, v: ['x'] }] };
  assert.deepEqual(await viewOf(t, [first]), [{ id: 1n, v: null }]);
  assert.deepEqual(await viewOf(t, [first, second]), [
    { id: 1n, v: null },
    { id: 2n, v: ['x'] },
  ]);
});

test('a column that came later is null in older parts, and one that is missing later is null there', async (t) => {
  const rows = await viewOf(t, [
    { columns: { id: 'int64', old: 'boolean' }, rows: [{ id: 1, old: true }] },
    { columns: { id: 'int64', late: 'double' }, rows: [{ id: 2, late: 0.5 }] },
  ]);
  assert.deepEqual(rows, [
    { id: 1n, old: true, late: null },
    { id: 2n, old: null, late: 0.5 },
  ]);
});

test('of the rows with one key the one with the greatest incremental value is there, whatever came last', async (t) => {
  const columns = { id: 'int64', version: 'int64' };
  const rows = await viewOf(
    t,
    [
      {
        columns,
        rows: [
          { id: 1, version: 5 },
          { id: 2, version: 10 },
          { id: 2, version: 9 },
        ],
      },
      {
        columns,
        rows: [
          { id: 1, version: 4 },
          { id: 2, version: -1 },
        ],
      },
    ],
    { incremental: 'version' },
  );
  assert.deepEqual(rows, [
    { id: 1n, version: 5n },
    { id: 2n, version: 10n },
  ]);
});

test('without an incremental column what came last is there', async (t) => {
  const columns = { id: 'int64', v: 'string' };
  const rows = await viewOf(t, [
    { columns, rows: [{ id: 1, v: 'first' }] },
    {
      columns,
      rows: [
        { id: 1, v: 'second' },
        { id: 1, v: 'third' },
      ],
    },
  ]);
  assert.deepEqual(rows, [{ id: 1n, v: 'third' }]);
});

test('a key of several columns, one of them text that looks like a border, is a key', async (t) => {
  const columns = { id: 'int64', part: 'string' };
  const rows = await viewOf(
    t,
    [
      {
        columns,
        rows: [
          { id: 1, part: 'a,1' },
          { id: 1, part: 'a' },
          { id: 11, part: 'a' },
        ],
      },
    ],
    {
      primaryKey: ['id', 'part'],
    },
  );
  assert.equal(rows.length, 3);
});

test('in append mode every row is there', async (t) => {
  const part: Part = { columns: { id: 'int64' }, rows: [{ id: 1 }, { id: 1 }] };
  assert.equal((await viewOf(t, [part, part], { mode: 'append', primaryKey: [] })).length, 4);
});

test('names that need quotes in SQL are read as they are', async (t) => {
  const columns = { id: 'int64', 'a "b" c': 'string', select: 'int64', "it's": 'boolean' };
  const row = { id: 1, 'a "b" c': 'x', select: 2, "it's": true };
  assert.deepEqual(await viewOf(t, [{ columns, rows: [row] }]), [{ ...row, id: 1n, select: 2n }]);
});

test('the view lists committed parts only, and is written again when the store is opened', async (t) => {
  const root = emptyRoot(t);
  const options = storeOptions(root, engine);
  const store = await openWritableStore(options, { command: 'test', waitMs: 0 });
  const writer = await store.openTable(target());
  const columns = schema({ id: 'int64' });
  await writer.writePart(spool(root, columns, [{ id: 1 }]));
  await writer.commit('c1');
  await writer.writePart(spool(root, columns, [{ id: 2 }]));
  const path = join(contextOf(root), 'views/things.sql');
  const text = readFileSync(path, 'utf8');
  assert.equal(text.match(/part-\d+\.parquet/g)?.length, 1);
  assert.doesNotMatch(text, /\*\.parquet/);
  await writer.discard();
  await store.close();

  writeFileSync(path, 'torn');
  await (await openWritableStore(options, { command: 'test', waitMs: 0 })).close();
  assert.equal(readFileSync(path, 'utf8'), text);
});
