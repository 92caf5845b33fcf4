import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { orderKey, runTimeValue, textValue, timeValue } from '@hakiri/core';
import { testEngine } from '../../engine/test/support/engine.ts';
import { readDelta } from '../src/delta/delta-file.ts';
import { nodeFiles, type SmallTarget } from '../src/index.ts';
import {
  deltaText,
  gone,
  NOTE_COLUMNS,
  NOTES,
  notes,
  notesTable,
  type OpenNotes,
  openNotes,
  row,
  smallWrites,
  texts,
} from './support/delta-store.ts';
import { openView, readThroughView } from './support/foreign-readers.ts';
import { contextOf, emptyRoot, NODE, runId, schema, spool, target } from './support/test-store.ts';

const engine = testEngine();
after(() => engine.close());

async function opened(t: TestContext, firstRun = 1, root = emptyRoot(t)): Promise<OpenNotes> {
  const open = await openNotes(root, engine, { firstRun });
  t.after(() => open.store.close());
  return open;
}

/** What happens to a table beside the small writes: a run of one row. */
async function commitRun({ root, store }: OpenNotes, values: object, columns = NOTE_COLUMNS): Promise<void> {
  const writer = await store.openTable(target({ table: NOTES }));
  await writer.writePart(spool(root, columns, [values]));
  await writer.commit(undefined);
}

const deltaPaths = async (open: OpenNotes): Promise<readonly string[]> =>
  (await notesTable(open)).deltas.map(({ path }) => path);

const ordersOf = async (open: OpenNotes): Promise<readonly string[]> => {
  const rows = await readThroughView(contextOf(open.root), NOTES);
  return rows.sort((a, b) => Number(a.id) - Number(b.id)).map((found) => String(found._hakiri_order));
};

test('the first write makes the table; the view shows it at once, to any reader', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  const ack = await writer.write([
    row({ id: 1, text: 'a', tags: ['x', null], created: '2026-11-01T10:00:00+02:00' }),
  ]);
  assert.deepEqual(ack, { run: runId(1), firstSeq: 0 });
  assert.deepEqual(await notes(open.root), [
    { id: 1n, text: 'a', tags: ['x', null], created: new Date('2026-11-01T08:00:00Z') },
  ]);
  assert.deepEqual(await deltaPaths(open), [`tables/notes/data/delta/${NODE}/${runId(1)}.ndjson`]);
  assert.equal((await notesTable(open)).lastRun, runId(1));
  await writer.close();
});

test('the last write of a key wins, a delete too, and a deleted key can come back', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1, text: 'a' }), row({ id: 1, text: 'b' }), row({ id: 2, text: 'c' })]);
  await writer.write([gone(2), row({ id: 3, text: 'd' })]);
  assert.deepEqual(await texts(open.root), { 1: 'b', 3: 'd' });
  await writer.write([row({ id: 2, text: 'e' }), gone(1)]);
  assert.deepEqual(await texts(open.root), { 2: 'e', 3: 'd' });
  await writer.close();
});

test('writes at the same time share a flush and are acknowledged in the order of their lines', async (t) => {
  const root = emptyRoot(t);
  let flushes = 0;
  const files = {
    ...nodeFiles,
    append: async (path: string) => {
      const file = await nodeFiles.append(path);
      return {
        get sizeBytes() {
          return file.sizeBytes;
        },
        write: file.write,
        truncate: file.truncate,
        close: file.close,
        sync: () => {
          flushes++;
          return file.sync();
        },
      };
    },
  };
  const open = await openNotes(root, engine, { files });
  t.after(() => open.store.close());
  const writer = smallWrites(open);
  await writer.write([row({ id: 0, text: 'first' })]);
  flushes = 0;
  const acks: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const { firstSeq } = await writer.write([row({ id: 2 * i + 1 }), row({ id: 2 * i + 2 })]);
      acks.push(firstSeq);
    }),
  );
  assert.equal(flushes, 1);
  assert.deepEqual(
    acks,
    Array.from({ length: 50 }, (_, i) => 1 + 2 * i),
  );
  await writer.close();
  assert.equal((await notes(root)).length, 101);
});

test('what does not fit is refused by column, never by value, and nothing of the write is there', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1, text: 'kept' })]);
  const good = row({ id: 2, text: 'not kept' });
  const refused: readonly (readonly [Parameters<typeof row>[0], string, RegExp])[] = [
    [{ id: 3, txet: 'secret' }, 'record.unknown_column', /txet/],
    [{ id: 'secret' }, 'record.type_conflict', /column id is not int64/],
    [{ id: 1.5 }, 'record.type_conflict', /id/],
    [{ id: 2 ** 53 }, 'record.type_conflict', /id/],
    [{ id: '9223372036854775808' }, 'record.type_conflict', /id/],
    [{ id: 4, tags: ['x', 7] }, 'record.type_conflict', /tags\[\]/],
    [{ id: 4, tags: 'secret' }, 'record.type_conflict', /tags/],
    [{ id: 4, created: 'secret' }, 'record.type_conflict', /created/],
    [{ id: 4, created: '2026-02-30T00:00:00Z' }, 'record.type_conflict', /created/],
    [{ id: 4, created: '2026-02-03T00:00:00' }, 'record.type_conflict', /created/],
    [{ id: null, text: 'secret' }, 'record.null_key', /id/],
    [{ text: 'secret' }, 'record.null_key', /id/],
    [{ id: 4, _hakiri_deleted: true }, 'record.unknown_column', /_hakiri_deleted/],
    [{ id: 4, text: 'x'.repeat(16_000_000) }, 'record.too_large', /16 MB/],
  ];
  for (const [values, code, message] of refused) {
    await assert.rejects(
      writer.write([good, row(values)]),
      (error: Error & { code: string; hint: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.doesNotMatch(`${error.message} ${error.hint}`, /secret|xxx/);
        return true;
      },
    );
  }
  await assert.rejects(writer.write([{ delete: { id: 1, text: 'a' } }]), { code: 'record.unknown_column' });
  await assert.rejects(writer.write([{ delete: {} }]), { code: 'record.null_key' });
  assert.deepEqual(await texts(open.root), { 1: 'kept' });
  const { firstSeq } = await writer.write([row({ id: 5, text: 'next' })]);
  assert.equal(firstSeq, 1, 'a refused write takes no number');
  await writer.close();
});

test('a table without a key takes rows and refuses deletes', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open, { mode: 'append', primaryKey: [] });
  await writer.write([row({ id: 1 }), row({ id: 1 }), row({ id: null })]);
  await assert.rejects(writer.write([gone(1)]), { code: 'record.delete_without_key' });
  assert.equal((await notes(open.root)).length, 3);
  await writer.close();
});

test('a later writer goes on in the same file, and numbers go on', async (t) => {
  const root = emptyRoot(t);
  const first = await openNotes(root, engine);
  const writer = smallWrites(first);
  await writer.write([row({ id: 1, text: 'a' }), row({ id: 2, text: 'b' })]);
  await writer.close();
  await first.store.close();
  const second = await opened(t, 2, root);
  const next = smallWrites(second);
  assert.deepEqual(await next.write([row({ id: 1, text: 'c' })]), { run: runId(1), firstSeq: 2 });
  await next.close();
  assert.deepEqual(await texts(root), { 1: 'c', 2: 'b' });
  assert.equal((await deltaPaths(second)).length, 1);
});

test('wherever the last line is cut, readers and the next writer agree that it is not there', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1, text: 'a' })]);
  await writer.write([row({ id: 2, text: 'é😀"\\' })]);
  await writer.close();
  const [path = ''] = await deltaPaths(open);
  const file = join(contextOf(open.root), path);
  const whole = readFileSync(file);
  const start = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
  const view = await openView(contextOf(open.root), NOTES);
  t.after(view.close);
  const ids = async () => (await view.rows()).map(({ id }) => Number(id)).sort();
  for (let cut = start; cut <= whole.length; cut++) {
    const isWhole = cut >= whole.length - 1;
    writeFileSync(file, whole.subarray(0, cut));
    const { commits, tornBytes, lacksNewline } = await readDelta(nodeFiles, file);
    assert.deepEqual(
      [commits.length, tornBytes, lacksNewline],
      isWhole ? [2, 0, cut < whole.length] : [1, cut - start, false],
    );
    assert.deepEqual(await ids(), isWhole ? [1, 2] : [1], `cut at ${cut}`);
    const next = smallWrites(open);
    const { firstSeq } = await next.write([row({ id: 3, text: 'after' })]);
    await next.close();
    assert.equal(firstSeq, isWhole ? 2 : 1);
    assert.deepEqual(await ids(), isWhole ? [1, 2, 3] : [1, 3], `cut at ${cut}`);
    assert.ok(readFileSync(file, 'utf8').endsWith('\n'));
  }
});

test('lines that the disk lost in the middle are passed over, and what follows is kept', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  for (const id of [1, 2, 3]) await writer.write([row({ id, text: 'abc' })]);
  await writer.close();
  const [path = ''] = await deltaPaths(open);
  const file = join(contextOf(open.root), path);
  const bytes = readFileSync(file);
  const second = bytes.indexOf('"id":2');
  writeFileSync(file, bytes.fill(0, second - 20, second + 20));
  assert.deepEqual(Object.keys(await texts(open.root)), ['1', '3']);
  const found = await readDelta(nodeFiles, file);
  assert.deepEqual([found.commits.length, found.damagedLines, found.tornBytes], [2, 1, 0]);
  const next = smallWrites(open);
  await next.write([row({ id: 4, text: 'd' })]);
  await next.close();
  assert.deepEqual(Object.keys(await texts(open.root)), ['1', '3', '4']);
});

test('a file whose head is gone is left alone; another is begun', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1, text: 'a' })]);
  await writer.close();
  const [path = ''] = await deltaPaths(open);
  truncateSync(join(contextOf(open.root), path), 10);
  const next = smallWrites(open, {}, { onFoldError: () => {} });
  assert.equal((await next.write([row({ id: 2, text: 'b' })])).run, runId(2));
  await next.close();
  assert.deepEqual(await texts(open.root), { 2: 'b' });
});

test('a run that came in between is older than the next small write, whatever came before', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1, text: 'small' }), row({ id: 2, text: 'small' })]);
  await commitRun(open, { id: 1, text: 'run' });
  assert.deepEqual(await texts(open.root), { 1: 'run', 2: 'small' });
  const { run } = await writer.write([row({ id: 1, text: 'later' })]);
  assert.equal(run, runId(3));
  assert.deepEqual(await texts(open.root), { 1: 'later', 2: 'small' });
  await writer.close();
});

test('two writers of one table never write to one file, and the later write wins', async (t) => {
  const open = await opened(t);
  const a = smallWrites(open);
  const b = smallWrites(open);
  for (let i = 0; i < 6; i++) {
    const { run } = await (i % 2 === 0 ? a : b).write([row({ id: 1, text: `${i}` }), row({ id: 10 + i })]);
    assert.equal(run, runId(i + 1));
    assert.equal((await texts(open.root))['1'], `${i}`);
  }
  await Promise.all([a.close(), b.close()]);
  assert.equal((await notes(open.root)).length, 7);
});

test('a column that the table lacks begins a file of its own, and older rows have null', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1, text: 'a' })]);
  await writer.close();
  const declared = { columns: [...NOTE_COLUMNS.columns, ...schema({ source: 'string' }).columns] };
  const next = smallWrites(open, { declared });
  assert.equal((await next.write([row({ id: 2, text: 'b', source: 's' })])).run, runId(2));
  await next.close();
  assert.deepEqual(
    (await notes(open.root)).map(({ id, source }) => [id, source]),
    [
      [1n, null],
      [2n, 's'],
    ],
  );
  const [change] = await open.store.catalog.schemaHistory(NOTES).then((all) => all.slice(-1));
  assert.deepEqual(change?.changes, ['+ column source string']);
  const older = smallWrites(open);
  await older.write([row({ id: 3, text: 'c' })]);
  await older.close();
  assert.deepEqual(Object.keys(await texts(open.root)), ['1', '2', '3'], 'who declares less writes less');
});

test('a type that the table cannot take is refused before anything is written', async (t) => {
  const open = await opened(t);
  await commitRun(open, { id: 1, text: 'a' });
  const writer = smallWrites(open, { declared: schema({ id: 'int64', text: 'int64' }) });
  await assert.rejects(writer.write([row({ id: 1, text: 5 })]), { code: 'schema.conflict' });
  await writer.close();
});

test('order is the time of the run where there is no incremental column', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1 }), row({ id: 2 })]);
  await writer.close();
  const suffix = { generation: 0, run: runId(1) };
  assert.deepEqual(
    await ordersOf(open),
    [0, 1].map((seq) => orderKey(runTimeValue(runId(1)), suffix, seq)),
  );
});

test('order is the value of the incremental column; who has none takes the greatest seen', async (t) => {
  const open = await opened(t);
  const incremental: Partial<SmallTarget> = { incremental: 'created' };
  const writer = smallWrites(open, incremental);
  await writer.write([
    row({ id: 1 }),
    row({ id: 2, created: '2026-11-01T00:00:00.000001Z' }),
    row({ id: 3 }),
  ]);
  await writer.write([row({ id: 4, created: '2026-10-01T00:00:00Z' }), row({ id: 5 })]);
  await writer.close();
  const again = smallWrites(open, incremental);
  await again.write([row({ id: 6 })]);
  await again.fold();
  await again.write([row({ id: 7 })]);
  await again.close();
  const november = timeValue(BigInt(Date.UTC(2026, 10, 1)) * 1000n + 1n);
  const october = timeValue(BigInt(Date.UTC(2026, 9, 1)) * 1000n);
  const first = { generation: 0, run: runId(1) };
  assert.deepEqual(await ordersOf(open), [
    orderKey('0', first, 0),
    orderKey(november, first, 1),
    orderKey(november, first, 2),
    orderKey(october, first, 3),
    orderKey(november, first, 4),
    orderKey(november, first, 5),
    orderKey(november, { generation: 0, run: runId(2) }, 0),
  ]);
});

test('an older incremental value loses, and a delete without one wins over all that was seen', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open, { incremental: 'created' });
  await writer.write([row({ id: 1, text: 'new', created: '2026-11-02T00:00:00Z' })]);
  await writer.write([row({ id: 1, text: 'old', created: '2026-11-01T00:00:00Z' })]);
  assert.deepEqual(await texts(open.root), { 1: 'new' });
  await writer.write([gone(1)]);
  assert.deepEqual(await texts(open.root), {});
  await writer.close();
});

test('an incremental text with a NUL in it stays what it is', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open, { incremental: 'text' });
  await writer.write([row({ id: 1, text: 'a\0b' }), row({ id: 2 })]);
  await writer.close();
  const value = textValue('a\0b');
  const suffix = { generation: 0, run: runId(1) };
  assert.deepEqual(await ordersOf(open), [orderKey(value, suffix, 0), orderKey(value, suffix, 1)]);
});

test('a column that has no order cannot be incremental', async (t) => {
  const open = await opened(t);
  assert.throws(() => smallWrites(open, { incremental: 'tags' }), { code: 'manifest.wrong_type' });
});

test('times of commits never go back in a file, whatever the clock does', async (t) => {
  const open = await opened(t);
  let nowMs = Date.UTC(2026, 10, 1);
  const clocked = {
    ...open,
    context: { ...open.context, clock: { ...open.context.clock, nowMs: () => nowMs } },
  };
  const writer = smallWrites(clocked);
  for (const step of [0, 1000, -86_400_000, 500]) {
    nowMs += step;
    await writer.write([row({ id: nowMs })]);
  }
  await writer.close();
  const [path = ''] = await deltaPaths(open);
  const lines = deltaText(open.root, path).trimEnd().split('\n').slice(1);
  const times = lines.map((line) => (JSON.parse(line) as { at: string }).at);
  assert.deepEqual(times, [...times].sort());
});

test('half a surrogate pair becomes a replacement character, in JSON too', async (t) => {
  const open = await opened(t);
  const declared = schema({ id: 'int64', text: 'string', meta: 'json' });
  const writer = smallWrites(open, { declared });
  await writer.write([row({ id: 1, text: 'a\ud800', meta: { '\ud801': ['\udc00'] } })]);
  await writer.close();
  assert.deepEqual(await notes(open.root), [{ id: 1n, text: 'a\ufffd', meta: '{"\ufffd":["\ufffd"]}' }]);
});

test('a temporary file of a writer that died is gone once another begins', async (t) => {
  const open = await opened(t);
  const writer = smallWrites(open);
  await writer.write([row({ id: 1 })]);
  await writer.fold();
  const folder = join(contextOf(open.root), `tables/notes/data/delta/${NODE}`);
  writeFileSync(join(folder, 'x.ndjson.tmp'), '{');
  await writer.write([row({ id: 2 })]);
  await writer.close();
  assert.deepEqual(readdirSync(folder), [`${runId(1)}.ndjson`, `${runId(2)}.ndjson`]);
});
