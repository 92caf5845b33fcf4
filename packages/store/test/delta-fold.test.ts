import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { CatalogDelta, RunManifest } from '@hakiri/core';
import { testEngine } from '../../engine/test/support/engine.ts';
import { deltasDue, FOLD_AT, foldDelta } from '../src/delta/fold-delta.ts';
import { rebuildCatalog } from '../src/index.ts';
import {
  gone,
  NOTES,
  notesTable,
  type OpenNotes,
  openNotes,
  row,
  smallTarget,
  smallWrites,
  texts,
} from './support/delta-store.ts';
import { type AnyRow, readParts, readThroughView, rowHashes } from './support/foreign-readers.ts';
import { contextOf, emptyRoot, NODE, runId, schema, storeOptions } from './support/test-store.ts';

const engine = testEngine();
after(() => engine.close());

async function opened(t: TestContext, firstRun = 1, root = emptyRoot(t)): Promise<OpenNotes> {
  const open = await openNotes(root, engine, { firstRun });
  t.after(() => open.store.close());
  return open;
}

/** Two commits in a file of their own. */
async function written(t: TestContext): Promise<OpenNotes & { readonly delta: CatalogDelta }> {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([
    row({ id: 1, text: 'a', tags: ['x'], created: '2026-11-01T10:00:00Z' }),
    row({ id: 2 }),
  ]);
  await writer.write([gone(2), row({ id: 3, text: 'c' })]);
  await writer.close();
  const [delta] = (await notesTable(open)).deltas;
  assert.ok(delta);
  return { ...open, delta };
}

const manifestFile = (root: string, n = 1): string =>
  join(contextOf(root), `tables/notes/data/runs/${runId(n)}/${NODE}/_manifest.json`);

const manifestOf = (root: string, n = 1): RunManifest =>
  JSON.parse(readFileSync(manifestFile(root, n), 'utf8'));

const everything = (root: string): Promise<AnyRow[]> => readThroughView(contextOf(root), NOTES);

test('folding changes where rows lie, and nothing that a reader sees', async (t) => {
  const { root, context, store, delta } = await written(t);
  const before = await everything(root);
  const manifest = await foldDelta(context, { name: NOTES }, delta);
  assert.deepEqual(rowHashes(await everything(root)), rowHashes(before));
  const lines = readFileSync(join(contextOf(root), delta.path), 'utf8')
    .trimEnd()
    .split('\n');
  const rows = await readParts(
    contextOf(root),
    manifest.parts.map(({ path }) => path),
  );
  assert.deepEqual(
    rows.map(({ id, _hakiri_seq, _hakiri_deleted }) => [Number(id), Number(_hakiri_seq), _hakiri_deleted]),
    [
      [1, 0, false],
      [2, 1, false],
      [2, 2, true],
      [3, 3, false],
    ],
  );
  assert.deepEqual(manifestOf(root), manifest);
  assert.deepEqual(
    [manifest.run, manifest.delta, manifest.parts.length, manifest.committed_at, manifest.cursor],
    [runId(1), { path: delta.path }, 1, JSON.parse(lines.at(-1) ?? '').at, { before: null, after: null }],
  );
  assert.equal(
    manifest.greatest_order,
    rows
      .map(({ _hakiri_order }) => String(_hakiri_order))
      .sort()
      .at(-1),
  );
  const table = await store.catalog.table(NOTES);
  assert.deepEqual([table?.deltas, table?.newer.length, table?.lastRun], [[], 1, runId(1)]);
  assert.ok(existsSync(join(contextOf(root), delta.path)), 'the file stays for reading the past');
});

test('folding twice, also at the same time, gives the same run', async (t) => {
  const { root, context, delta } = await written(t);
  const [a, b] = await Promise.all([
    foldDelta(context, { name: NOTES }, delta),
    foldDelta(context, { name: NOTES }, delta),
  ]);
  assert.deepEqual(await foldDelta(context, { name: NOTES }, delta), a);
  assert.deepEqual(b, a);
  assert.equal((await everything(root)).length, 2);
});

test('a file that is still written to is not folded', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1 })]);
  const [delta] = (await notesTable(open)).deltas;
  assert.ok(delta);
  await assert.rejects(foldDelta(open.context, { name: NOTES }, delta), { code: 'internal' });
  assert.deepEqual(await deltasDue(open.context, await notesTable(open), Number.POSITIVE_INFINITY), []);
  await writer.close();
});

test('a head alone folds to a run without parts', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await assert.rejects(writer.write([row({ id: 1, text: 'x'.repeat(16_000_000) })]), {
    code: 'record.too_large',
  });
  await writer.fold();
  assert.deepEqual([manifestOf(open.root).parts, (await notesTable(open)).deltas], [[], []]);
  assert.deepEqual(await everything(open.root), []);
  await writer.close();
});

test('the writer folds by itself once a file is full or old, and goes on in another', async (t) => {
  for (const foldAt of [
    { ...FOLD_AT, rows: 5 },
    { ...FOLD_AT, bytes: 1500 },
    { ...FOLD_AT, ageMs: 0 },
  ]) {
    const open = await opened(t);
    const writer = smallWrites(open, {}, { foldAt });
    for (let id = 0; id < 12; id++) await writer.write([row({ id, text: `${id}` })]);
    await writer.close();
    const { deltas, newer } = await notesTable(open);
    assert.ok(newer.length >= 2 && deltas.length <= 1, JSON.stringify(foldAt));
    assert.equal(Object.keys(await texts(open.root)).length, 12);
  }
});

test('a fold that fails in the background is told, and the rows stay where they are', async (t) => {
  const open = await opened(t);
  const broken = { ...open.context.engine, copy: () => Promise.reject(new Error('no engine')) };
  const told: unknown[] = [];
  const context = { ...open, context: { ...open.context, engine: broken } };
  const foldAt = { ...FOLD_AT, rows: 2 };
  const writer = smallWrites(context, {}, { foldAt, onFoldError: (error) => told.push(error) });
  for (let id = 0; id < 5; id++) await writer.write([row({ id, text: 'x' })]);
  await writer.close();
  assert.ok(told.length > 0);
  assert.equal((await everything(open.root)).length, 5);
  const mended = smallWrites(open, {}, { foldAt });
  await mended.write([row({ id: 9, text: 'x' })]);
  await mended.fold();
  await mended.close();
  assert.deepEqual((await notesTable(open)).deltas, []);
  assert.equal((await everything(open.root)).length, 6);
});

test('due are files that are closed, large or old', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1 })]);
  await writer.close();
  const table = await notesTable(open);
  const [delta] = table.deltas;
  assert.ok(delta);
  const born = Date.parse('2024-01-01');
  const runs = async (deltas: readonly CatalogDelta[], nowMs: number, limits = FOLD_AT) =>
    (await deltasDue(open.context, { name: NOTES, deltas }, nowMs, limits)).map(({ run }) => run);
  assert.deepEqual(await runs([delta], 0), []);
  assert.deepEqual(await runs([delta], 0, { ...FOLD_AT, bytes: 100 }), [delta.run]);
  assert.deepEqual(await runs([delta], born + 10 * 365 * 86_400_000), [delta.run]);
  const later = { ...delta, run: runId(2), path: delta.path.replace(delta.run, runId(2)) };
  assert.deepEqual(await runs([delta, later], 0), [delta.run]);
  const others = { ...delta, path: delta.path.replace(NODE, '01JABCDEFGHJKMNPQRSTVWXYZ9') };
  assert.deepEqual(await runs([others, others], Number.POSITIVE_INFINITY), [], 'another node folds its own');
});

test('a crash between the manifest and the catalog is mended by adopting the run', async (t) => {
  const root = emptyRoot(t);
  const open = await openNotes(root, engine);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1, text: 'a' })]);
  await writer.close();
  const { deltas } = await notesTable(open);
  await open.store.close();
  const catalog = join(contextOf(root), 'meta.sqlite');
  copyFileSync(catalog, `${catalog}.before`);
  const folding = await openNotes(root, engine, { firstRun: 2 });
  for (const delta of deltas) await foldDelta(folding.context, { name: NOTES }, delta);
  await folding.store.close();
  copyFileSync(`${catalog}.before`, catalog);
  const mended = await opened(t, 2, root);
  assert.deepEqual((await notesTable(mended)).deltas, []);
  assert.deepEqual(await texts(root), { 1: 'a' });
  const next = smallWrites(mended);
  assert.equal(
    (await next.write([row({ id: 2, text: 'b' })])).run,
    runId(2),
    'a folded file is not added to',
  );
  await next.close();
});

test('a manifest that the catalog did not take keeps the file from being added to, and folding again mends it', async (t) => {
  const { root, context, delta, ...open } = await written(t);
  const catalog = { ...context.catalog, commitRun: () => Promise.reject(new Error('busy')) };
  await assert.rejects(foldDelta({ ...context, catalog }, { name: NOTES }, delta), /busy/);
  const writer = smallWrites({ root, context, ...open });
  assert.equal((await writer.write([row({ id: 4, text: 'd' })])).run, runId(2));
  await writer.close();
  await foldDelta(context, { name: NOTES }, delta);
  assert.deepEqual(await texts(root), { 1: 'a', 3: 'c', 4: 'd' });
});

test('a lost catalog is made again from folded and from open files', async (t) => {
  const root = emptyRoot(t);
  const open = await openNotes(root, engine);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1, text: 'a' })]);
  await writer.fold();
  await writer.write([row({ id: 2, text: 'b' })]);
  await writer.close();
  const before = await notesTable(open);
  await open.store.close();
  rmSync(join(contextOf(root), 'meta.sqlite'));
  await rebuildCatalog(storeOptions(root, engine), { command: 'test', waitMs: 0 });
  const rebuilt = await opened(t, 3, root);
  assert.deepEqual(await notesTable(rebuilt), before);
  assert.deepEqual(await texts(root), { 1: 'a', 2: 'b' });
});

test('a part holds every type as the view showed it', async (t) => {
  const open = await opened(t);
  const declared = schema({
    id: 'int64',
    y: 'bytes',
    d: 'decimal(38,10)',
    j: 'json',
    u: 'undecided',
    s: 'struct<at: timestamp, l: json[]>[]',
  });
  const writer = smallWrites(open, { ...smallTarget(), declared });
  await writer.write([
    row({
      id: '9223372036854775807',
      y: 'AP8=',
      d: '-1234567890123456789012345678.0123456789',
      j: { a: [1, '2'] },
      s: [{ at: '2026-11-01T00:00:00.000001Z', l: [{ b: null }] }, null],
    }),
  ]);
  const before = await everything(open.root);
  await writer.fold();
  assert.deepEqual(await everything(open.root), before);
  assert.ok(existsSync(dirname(manifestFile(open.root))));
  await writer.close();
});
