import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { RunManifest, TableRedactor, TableTarget, TableWriter } from '@hakiri/core';
import { testEngine } from '../../engine/test/support/engine.ts';
import { fingerprint, openStore, openWritableStore, type WritableStore } from '../src/index.ts';
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

const COLUMNS = schema({ id: 'int64', name: 'string' });

async function opened(t: TestContext, parts: Partial<TableTarget> = {}) {
  const root = emptyRoot(t);
  const store = await openWritableStore(storeOptions(root, engine), { command: 'test', waitMs: 0 });
  t.after(() => store.close());
  return { root, store, writer: await store.openTable(target(parts)) };
}

const write = (root: string, writer: TableWriter, rows: readonly object[], columns = COLUMNS) =>
  writer.writePart(spool(root, columns, rows));

function manifestOf(root: string, n: number): RunManifest {
  const folder = join(contextOf(root), 'tables/things/data/runs', runId(n), NODE);
  return JSON.parse(readFileSync(join(folder, '_manifest.json'), 'utf8'));
}

const cursorOf = async (store: WritableStore): Promise<string | null | undefined> =>
  (await store.catalog.cursor(target().pipeline, 'things'))?.cursor;

test('a commit is a manifest that tells every part with its hash, its rows and its schema', async (t) => {
  const { root, store, writer } = await opened(t);
  await write(root, writer, [
    { id: 1, name: 'a' },
    { id: 2, name: null },
  ]);
  await write(root, writer, [{ id: 3, name: 'c' }]);
  const commit = await writer.commit('c1');
  assert.deepEqual([commit?.run, commit?.rows, commit?.parts, commit?.setAside], [runId(1), 3, 2, 0]);
  const manifest = manifestOf(root, 1);
  assert.deepEqual(manifest.cursor, { before: null, after: 'c1' });
  assert.deepEqual(
    manifest.parts.map(({ rows }) => rows),
    [2, 1],
  );
  for (const part of manifest.parts) {
    const bytes = readFileSync(join(contextOf(root), part.path));
    assert.equal(bytes.length, part.bytes);
    assert.equal(createHash('sha256').update(bytes).digest('hex'), part.sha256);
    assert.equal(part.schema, fingerprint(COLUMNS));
    assert.ok(existsSync(join(contextOf(root), `tables/things/schemas/${part.schema}.json`)));
  }
  assert.deepEqual(await store.catalog.runs(target().table), [manifest], 'the catalog says the same');
  assert.equal(await cursorOf(store), 'c1');
});

test('nothing is visible before the commit, and nothing is left after a discard', async (t) => {
  const { root, store, writer } = await opened(t);
  await write(root, writer, [{ id: 1, name: 'a' }]);
  assert.deepEqual(await store.tables(), []);
  await writer.discard();
  assert.deepEqual(readdirSync(join(contextOf(root), 'tables/things/data/runs')), []);
  assert.equal(await cursorOf(store), undefined);
  await write(root, writer, [{ id: 2, name: 'b' }]);
  assert.equal((await writer.commit('c1'))?.rows, 1);
});

test('a commit without anything new writes nothing; a cursor that moved is worth a commit', async (t) => {
  const { root, store, writer } = await opened(t);
  assert.equal(await writer.commit(undefined), undefined);
  await write(root, writer, [{ id: 1, name: 'a' }]);
  await writer.commit('c1');
  assert.equal(await writer.commit('c1'), undefined);
  assert.equal((await writer.commit('c2'))?.rows, 0);
  assert.deepEqual(manifestOf(root, 2).cursor, { before: 'c1', after: 'c2' });
  assert.equal(await cursorOf(store), 'c2');
});

test('a commit without a cursor keeps the one that holds', async (t) => {
  const { root, store, writer } = await opened(t);
  await write(root, writer, [{ id: 1, name: 'a' }]);
  await writer.commit('c1');
  await write(root, writer, [{ id: 2, name: 'b' }]);
  await writer.commit(undefined);
  assert.equal(await cursorOf(store), 'c1');
  assert.deepEqual(manifestOf(root, 2).cursor, { before: 'c1', after: 'c1' });
});

test('where nothing of a record may be kept, what is set aside has a digest and no content', async (t) => {
  const redactor: TableRedactor = {
    declared: (columns) => columns,
    records: () => assert.fail('the records came redacted'),
    file: () => assert.fail('there is no file'),
    withoutContent: (aside) => ({
      ...aside,
      record: Buffer.alloc(0),
      digest: `of ${aside.record.length} bytes`,
    }),
  };
  const { root, writer } = await opened(t, { redactor });
  await writer.setAside([{ code: 'record.malformed_json', reason: 'no', record: Buffer.from('{"id":') }]);
  await write(root, writer, [{ id: null, name: 'b' }]);
  const commit = await writer.commit('c1');
  const lines = readFileSync(commit?.quarantine ?? '', 'utf8')
    .trimEnd()
    .split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)).map(({ record, digest }) => [record, digest]),
    [
      ['', 'of 6 bytes'],
      ['', 'of 22 bytes'],
    ],
  );
});

test('rows that are set aside go to a file with code, reason and the record, and are counted', async (t) => {
  const { root, writer } = await opened(t);
  await writer.setAside([{ code: 'record.malformed_json', reason: 'no', record: Buffer.from('{"id":') }]);
  const outcome = await write(root, writer, [
    { id: 1, name: 'a' },
    { id: null, name: 'b' },
  ]);
  assert.deepEqual(outcome, { rows: 1, setAside: 1 });
  const commit = await writer.commit('c1');
  assert.equal(commit?.setAside, 2);
  assert.equal(manifestOf(root, 1).quarantine?.rows, 2);
  const lines = readFileSync(commit?.quarantine ?? '', 'utf8')
    .trimEnd()
    .split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { code: 'record.malformed_json', reason: 'no', column: null, record: '{"id":' },
      {
        code: 'record.null_key',
        reason: 'a column of the primary key is null',
        column: null,
        record: '{"id":null,"name":"b"}',
      },
    ],
  );
});

test('a part whose rows were all set aside is not a part', async (t) => {
  const { root, writer } = await opened(t);
  await write(root, writer, [{ id: null, name: 'b' }]);
  assert.deepEqual([(await writer.commit('c1'))?.parts, manifestOf(root, 1).parts], [0, []]);
});

test('rows without an incremental value take the greatest seen so far, also of earlier runs', async (t) => {
  const { root, store, writer } = await opened(t, { incremental: 'version' });
  const columns = schema({ id: 'int64', version: 'int64' });
  await write(root, writer, [{ id: 1, version: 10 }], columns);
  await writer.commit('c1');
  await write(
    root,
    writer,
    [
      { id: 1, version: null },
      { id: 2, version: 5 },
    ],
    columns,
  );
  await writer.commit('c2');
  const [first, second] = [manifestOf(root, 1), manifestOf(root, 2)];
  assert.ok(
    (second.greatest_order ?? '') > (first.greatest_order ?? ''),
    'it wins over what it was made from',
  );
  assert.equal((await store.tables())[0]?.greatestOrder, second.greatest_order);
});

test('a type that a table cannot take is refused, and the table stays as it was', async (t) => {
  const { root, store, writer } = await opened(t);
  await write(root, writer, [{ id: 1, name: 'a' }]);
  await writer.commit('c1');
  await assert.rejects(
    write(root, writer, [{ id: 2, name: [1] }], schema({ id: 'int64', name: 'int64[]' })),
    {
      code: 'schema.conflict',
    },
  );
  await writer.discard();
  assert.deepEqual((await store.tables())[0]?.schema, COLUMNS);
});

test('a key that is in no record is refused', async (t) => {
  const { root, writer } = await opened(t, { primaryKey: ['number'] });
  await assert.rejects(write(root, writer, [{ id: 1, name: 'a' }]), { code: 'schema.key_missing' });
});

test('key, mode and incremental column of a table are settled with its first commit', async (t) => {
  const { root, store, writer } = await opened(t);
  await write(root, writer, [{ id: 1, name: 'a' }]);
  await writer.commit('c1');
  for (const other of [{ primaryKey: ['name'] }, { mode: 'append' }, { incremental: 'id' }] as const) {
    await assert.rejects(store.openTable(target(other)), { code: 'manifest.table_conflict' });
  }
});

test('a reader sees what was committed while the writer goes on', async (t) => {
  const { root, writer } = await opened(t);
  await write(root, writer, [{ id: 1, name: 'a' }]);
  await writer.commit('c1');
  await write(root, writer, [{ id: 2, name: 'b' }]);
  const reader = await openStore(storeOptions(root, engine));
  assert.equal((await reader.tables())[0]?.newer.length, 1);
  await writer.commit('c2');
  assert.equal((await reader.tables())[0]?.newer.length, 2);
  await reader.close();
});
