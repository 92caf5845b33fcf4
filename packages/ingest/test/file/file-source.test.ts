import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { appendFile, chmod, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type ErrorCode, isHakiriError } from '@hakiri/core';
import { createFileSource } from '../../src/file/file-source.ts';
import { pullAll, pullUntilError, testContext } from '../support/test-context.ts';

const ids = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row.id);

async function folderWith(files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = await mkdtemp(join(tmpdir(), 'hakiri-file-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return {
    folder,
    at: (name: string) => join(folder, name),
    source: (config: Record<string, unknown>, tables: readonly string[] = ['rows']) =>
      createFileSource(
        config,
        testContext({
          projectFolder: folder,
          tables: tables.map((source) => ({
            source,
            incremental: undefined,
            mode: undefined,
            maxRecordBytes: 1_000_000,
          })),
        }),
      ),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

function assertCode(error: unknown, code: ErrorCode): void {
  assert.ok(isHakiriError(error), String(error));
  assert.equal(error.code, code, error.message);
}

const notLinux = process.platform === 'linux' ? false : 'reads /proc, which only Linux has';

function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // The listing's own descriptor is gone by now.
      return [];
    }
  });
}

describe('the file source', () => {
  it('reads NDJSON and JSON, plain and compressed, in the order of their names', async () => {
    await using files = await folderWith({
      'in/b.json': '[{"id":3},{"id":9007199254740993}]',
      'in/a.ndjson': '{"id":1}\n{"id":2}',
      'in/c.ndjson.gz': gzipSync('{"id":5}\n'),
      'in/d.json.zst': zstdCompressSync('[{"id":6}]'),
      'in/e.jsonl': '\ufeff{"id":7}\n',
      'in/deep/f.ndjson': '{"id":0}\n',
    });
    const pulled = await pullAll(files.source({ path: 'in/**/*.{ndjson,json,gz,zst,jsonl}' }), 'rows');
    // a, b, c, d, deep/f, e; the large integer is rounded by this test's own JSON.parse.
    assert.deepEqual(ids(pulled.rows), [1, 2, 3, 2 ** 53, 5, 6, 0, 7]);
    assert.equal(pulled.complete, true);
    const bytes = Buffer.concat(
      pulled.batches.map((batch) => (batch.kind === 'records' ? batch.records : Buffer.alloc(0))),
    );
    assert.ok(bytes.includes('9007199254740993'), 'digits are kept as they came');
  });

  it('takes the records below a path', async () => {
    await using files = await folderWith({ 'x.json': '{"meta":1,"data":{"items":[{"id":1}]}}' });
    assert.deepEqual(
      ids((await pullAll(files.source({ path: 'x.json', records: 'data.items' }), 'rows')).rows),
      [1],
    );
  });

  it('passes CSV and Parquet on as files', async () => {
    await using files = await folderWith({
      'a.csv': 'id\n1\n',
      'b.parquet': 'PAR1',
      'c.csv.gz': gzipSync('id\n2\n'),
    });
    const pulled = await pullAll(files.source({ path: ['*.csv', '*.parquet', '*.gz'] }), 'rows');
    assert.deepEqual(
      pulled.batches.flatMap((batch) =>
        batch.kind === 'file' ? [[batch.path, batch.format, batch.sizeBytes > 0]] : [],
      ),
      [
        [files.at('a.csv'), 'csv', true],
        [files.at('b.parquet'), 'parquet', true],
        [files.at('c.csv.gz'), 'csv', true],
      ],
    );
    assert.ok(pulled.batches.every((batch) => (batch.kind === 'records') === (batch.cursor !== undefined)));
  });

  it('takes a file again only when its content changed', async () => {
    await using files = await folderWith({ 'a.ndjson': '{"id":1}\n', 'b.ndjson': '{"id":2}\n' });
    const source = files.source({ path: '*.ndjson' });
    const first = await pullAll(source, 'rows');
    assert.deepEqual(ids(first.rows), [1, 2]);

    await utimes(files.at('a.ndjson'), new Date(), new Date(Date.now() + 5000));
    const touched = await pullAll(source, 'rows', first.cursor);
    assert.deepEqual(touched.rows, []);
    assert.equal(touched.complete, false);

    await appendFile(files.at('b.ndjson'), '{"id":3}\n');
    await writeFile(files.at('c.ndjson'), '{"id":4}\n');
    assert.deepEqual(ids((await pullAll(source, 'rows', touched.cursor)).rows), [2, 3, 4]);
  });

  it('moves the cursor after each file, not within it', async () => {
    const big = Array.from(
      { length: 30_000 },
      (_none, id) => `{"id":${id},"text":"${'x'.repeat(90)}"}\n`,
    ).join('');
    await using files = await folderWith({ 'a.ndjson': big, 'b.ndjson': '{"id":-1}\n{"id":-2}\n' });
    const pulled = await pullAll(files.source({ path: '*.ndjson' }), 'rows');
    assert.equal(pulled.rows.length, 30_002);
    const cursors = pulled.batches.map((batch) => batch.cursor !== undefined);
    assert.ok(cursors.length >= 5, `${cursors.length} batches`);
    // After the pieces of a, after those of b, and at the very end.
    assert.equal(cursors.filter((has) => has).length, 3);
    assert.deepEqual(cursors.slice(-4), [true, false, true, true]);
    const sizes = pulled.batches.map((batch) => (batch.kind === 'records' ? batch.records.length : 0));
    assert.ok(Math.max(...sizes) < 2 * 1024 * 1024);
  });

  it('does not record a file that changes while it is read', async () => {
    const big = '{"id":1,"text":"'.concat('x'.repeat(500), '"}\n').repeat(8_000);
    await using files = await folderWith({ 'a.ndjson': big });
    const source = files.source({ path: 'a.ndjson' });
    const signal = new AbortController().signal;
    const warnings: string[] = [];
    let cursor: string | undefined;
    let batches = 0;
    for await (const batch of source.pull({ table: 'rows', cursor: undefined, signal })) {
      if (batches++ === 0) await appendFile(files.at('a.ndjson'), '{"id":2}\n');
      warnings.push(...(batch.warnings ?? []).map((warning) => warning.code));
      cursor = batch.cursor ?? cursor;
    }
    assert.deepEqual(warnings, ['source.changed_while_reading']);
    assert.ok(ids((await pullAll(source, 'rows', cursor)).rows).includes(2));
  });

  it('offers one table for each the manifest lists, every file feeding all', async () => {
    await using files = await folderWith({ 'a.ndjson': '{"id":1}\n' });
    const source = files.source({ path: 'a.ndjson', primary_key: 'id' }, ['one', 'two']);
    assert.deepEqual(
      (await source.discover()).map((table) => [table.name, ...table.primaryKey]),
      [
        ['one', 'id'],
        ['two', 'id'],
      ],
    );
    for (const table of ['one', 'two']) assert.deepEqual(ids((await pullAll(source, table)).rows), [1]);
    assert.deepEqual(
      (await files.source({ path: 'a.ndjson' }, []).discover()).map((table) => table.name),
      ['records'],
    );
  });

  it('says how much there is to read, with a sample', async () => {
    await using files = await folderWith({ 'a.ndjson': '{"id":1}\n', 'b.ndjson': '{"id":2}\n' });
    const source = files.source({ path: '*.ndjson' });
    const signal = new AbortController().signal;
    const estimate = await source.estimate({ table: 'rows', cursor: undefined, signal });
    assert.equal(estimate.files, 2);
    assert.equal(estimate.bytes, 18);
    assert.ok(estimate.sample?.kind === 'records' && estimate.sample.records.length === 9);
    const { cursor } = await pullAll(source, 'rows');
    assert.equal((await source.estimate({ table: 'rows', cursor, signal })).files, 0);
  });

  it('lets the file go when only the first batch of it is wanted', { skip: notLinux }, async () => {
    const big = '{"id":1,"text":"0123456789012345678901234567890123456789"}\n'.repeat(60_000);
    await using files = await folderWith({ 'held.ndjson': big });
    const source = files.source({ path: '*.ndjson' });
    const signal = new AbortController().signal;
    await source.estimate({ table: 'rows', cursor: undefined, signal });
    for await (const _ of source.pull({ table: 'rows', cursor: undefined, signal })) break;
    assert.deepEqual(
      openFiles().filter((path) => path.endsWith('held.ndjson')),
      [],
    );
  });

  it('takes a name with stars and brackets as it is, where such a file exists', async () => {
    await using files = await folderWith({ 'data[1].ndjson': '{"id":1}\n' });
    assert.deepEqual(ids((await pullAll(files.source({ path: 'data[1].ndjson' }), 'rows')).rows), [1]);
  });

  it('names what is wrong, and with which file', async () => {
    await using files = await folderWith({
      'cut.json': '[{"id":1},{"id"',
      'cut.ndjson.gz': gzipSync('{"id":1}\n'.repeat(1000)).subarray(0, 40),
      'bad.json': '[{"id":1},nope]',
      'path.json': '{"rows":[]}',
      'what.bin': '',
      'page.json': '<html></html>',
      'locked.ndjson': '{}',
    });
    await chmod(files.at('locked.ndjson'), 0);
    const cases: [Record<string, unknown>, ErrorCode][] = [
      [{ path: 'cut.json' }, 'source.truncated'],
      [{ path: 'cut.ndjson.gz' }, 'source.truncated'],
      [{ path: 'bad.json' }, 'source.malformed_json'],
      [{ path: 'path.json', records: 'items' }, 'source.records_path'],
      [{ path: 'what.bin' }, 'source.file_format'],
      [{ path: 'page.json' }, 'source.not_json'],
      [{ path: 'nothing-*.json' }, 'source.file_not_found'],
    ];
    // Root may read everything.
    if (process.getuid?.() !== 0) cases.push([{ path: 'locked.ndjson' }, 'source.unreadable']);
    for (const [config, code] of cases) {
      const { error } = await pullUntilError(files.source(config), 'rows');
      assertCode(error, code);
      assert.ok((error as Error).message.includes(String(config.path)), (error as Error).message);
    }
  });

  it('sets a record past the limit aside', async () => {
    await using files = await folderWith({
      'a.ndjson': `{"id":1}\n{"t":"${'x'.repeat(1_000_001)}"}\n{"id":2}\n`,
    });
    const pulled = await pullAll(files.source({ path: 'a.ndjson' }), 'rows');
    assert.deepEqual(ids(pulled.rows), [1, 2]);
    const codes = pulled.batches.flatMap((batch) =>
      batch.kind === 'records' ? (batch.setAside ?? []).map((entry) => entry.code) : [],
    );
    assert.deepEqual(codes, ['record.too_large']);
  });
});
