import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { JsonValue, RunId, TableSchema } from '@hakiri/core';
import { deltaSelect } from '../src/delta/delta-sql.ts';
import { rowChecker } from '../src/delta/small-row.ts';
import { runId, schema } from './support/test-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'hakiri-delta-'));
const path = join(folder, 'delta.ndjson');
let connection: DuckDBConnection;
before(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
});
after(() => {
  connection.closeSync();
  rmSync(folder, { recursive: true });
});

const RUN: RunId = runId(1);

/** A file as the writer makes it, of rows that were checked. */
function fileOf(held: TableSchema, rows: readonly Record<string, JsonValue>[]): void {
  const check = rowChecker({ mode: 'append', primaryKey: [], incremental: undefined, declared: held });
  const lines = rows.map((values, seq) => {
    const { members } = check({ values });
    const own = `"_hakiri_run":"${RUN}","_hakiri_seq":${seq},"_hakiri_deleted":false,"_hakiri_order":"o${seq}"`;
    return `{"at":"2026-11-01T00:00:0${seq % 10}.000Z","rows":[{${members}${own}}]}\n`;
  });
  writeFileSync(path, `{"format":1}\n${lines.join('')}`);
}

async function read(held: TableSchema, table: TableSchema = held, until?: string) {
  const delta = { run: RUN, path, columns: held, ...(until === undefined ? {} : { until }) };
  const reader = await connection.runAndReadAll(
    `SELECT * EXCLUDE (_hakiri_run, _hakiri_seq, _hakiri_deleted, _hakiri_order) FROM (${deltaSelect({ schema: table }, delta, path)}) ORDER BY _hakiri_seq`,
  );
  return {
    rows: reader.getRowObjectsJson(),
    types: reader.columnTypes().map((type) => type.alias ?? String(type)),
  };
}

/** One column, one value a row; each comes back as the engine writes it. */
async function through(type: string, values: readonly JsonValue[]): Promise<unknown[]> {
  const held = schema({ v: type });
  fileOf(
    held,
    values.map((v) => ({ v })),
  );
  return (await read(held)).rows.map(({ v }) => v);
}

test('values of every type come back as they went in', async () => {
  assert.deepEqual(await through('boolean', [true, false, null]), [true, false, null]);
  assert.deepEqual(await through('int8', [-128, 127]), [-128, 127]);
  assert.deepEqual(await through('int64', ['-9223372036854775808', 2 ** 53 - 1, '9007199254740993', -0]), [
    '-9223372036854775808',
    '9007199254740991',
    '9007199254740993',
    '0',
  ]);
  assert.deepEqual(
    await through('double', [0.1, -1e-300, 1.7976931348623157e308, 5e-324, 3, '-Infinity', 'NaN']),
    [0.1, -1e-300, 1.7976931348623157e308, 5e-324, 3, '-Infinity', 'NaN'],
  );
  assert.deepEqual(await through('string', ['', 'null', '"\\\n\r\t\0\u2028é😀', '{"a":1}']), [
    '',
    'null',
    '"\\\n\r\t\0\u2028é😀',
    '{"a":1}',
  ]);
  assert.deepEqual(await through('date', ['0001-01-01', '2024-02-29', '9999-12-31']), [
    '0001-01-01',
    '2024-02-29',
    '9999-12-31',
  ]);
  assert.deepEqual(await through('time', ['00:00', '23:59:59.999999', '10:00:00.5']), [
    '00:00:00',
    '23:59:59.999999',
    '10:00:00.5',
  ]);
  assert.deepEqual(await through('datetime', ['2026-11-01 10:00:00', '0001-01-01T00:00:00.000001']), [
    '2026-11-01 10:00:00',
    '0001-01-01 00:00:00.000001',
  ]);
});

test('moments keep their microseconds, whatever their zone and the reader’s', async () => {
  const moments = ['2026-11-01T10:00:00.123456+05:30', '1969-12-31T23:59:59.999999Z', '2026-11-01T10:00-02'];
  const expected = [
    '2026-11-01 04:30:00.123456+00',
    '1969-12-31 23:59:59.999999+00',
    '2026-11-01 12:00:00+00',
  ];
  await connection.run("SET TimeZone = 'America/New_York'");
  const held = schema({ v: 'timestamp' });
  fileOf(
    held,
    moments.map((v) => ({ v })),
  );
  const there = (
    await connection.runAndReadAll(
      `SELECT epoch_us(v) FROM (${deltaSelect({ schema: held }, { run: RUN, path, columns: held }, path)}) ORDER BY _hakiri_seq`,
    )
  ).getRows();
  await connection.run("SET TimeZone = 'UTC'");
  assert.deepEqual(await through('timestamp', moments), expected);
  const here = moments.map((text) => BigInt(Math.floor(Date.parse(text.replace(/-02$/, '-02:00')))));
  assert.deepEqual(
    there.map(([micros]) => (micros as bigint) / 1000n - ((micros as bigint) % 1000n < 0n ? 1n : 0n)),
    here,
  );
});

test('decimals are exact, from text and from numbers that are', async () => {
  assert.deepEqual(await through('decimal(18,4)', ['12345678901234.5678', '-0.5', 12.25, '007', '1.50000']), [
    '12345678901234.5678',
    '-0.5000',
    '12.2500',
    '7.0000',
    '1.5000',
  ]);
  assert.deepEqual(await through('decimal(38,0)', ['-99999999999999999999999999999999999999']), [
    '-99999999999999999999999999999999999999',
  ]);
});

test('JSON stays JSON, and bytes are bytes, within lists and structs too', async () => {
  const meta = { b: [1, 'x', null, { c: 0.1 }], a: '2026-01-01', big: '9007199254740993' };
  assert.deepEqual(await through('json', [meta, 'text', 5, false, null]), [
    JSON.stringify(meta),
    '"text"',
    '5',
    'false',
    null,
  ]);
  const bytes = Buffer.from([0, 1, 255, 10, 34]);
  const held = schema({ y: 'bytes', l: 'bytes[]', s: 'struct<"a b": bytes, j: json[], n: int64>[]' });
  const y = bytes.toString('base64');
  fileOf(held, [{ y, l: [y, null], s: [{ 'a b': y, j: [{ k: [] }], n: '9007199254740993' }, null, {}] }]);
  const { rows } = await read(held);
  const shown = String((await through('bytes', [y]))[0]);
  assert.equal(shown, '\\x00\\x01\\xFF\\x0A\\x22');
  assert.deepEqual(rows, [
    {
      y: shown,
      l: [shown, null],
      s: [{ 'a b': shown, j: ['{"k":[]}'], n: '9007199254740993' }, null, { 'a b': null, j: null, n: null }],
    },
  ]);
});

test('values that are not of their type are refused', () => {
  const refused: readonly (readonly [string, readonly JsonValue[]])[] = [
    ['boolean', [0, 'true']],
    ['int8', [128, '1', 1.5]],
    ['int64', ['', '1.0', '1e3', '92233720368547758070', true]],
    ['double', ['1', 'inf', true]],
    ['decimal(4,2)', ['123', '1.234', '1e2', '', '.', '-', 1e-7, 'NaN']],
    ['string', [1, {}, ['a']]],
    ['bytes', ['a', 'YQ', 'YQ==\n', '*', 1]],
    ['date', ['2026-02-30', '0000-01-01', '2026-1-1', '2026-01-01T00:00:00Z', 1]],
    ['time', ['24:00:00', '10:60', '10:00:00Z', '10:00:00.1234567']],
    ['timestamp', ['2026-01-01', '2026-01-01T00:00:00', '9999-12-31T23:00:00-02:00', 0]],
    ['datetime', ['2026-01-01T00:00:00Z', '2026-01-01']],
    ['int64[]', [[1, 'x'], { 0: 1 }, 1]],
    ['struct<a: int64>', [[], { a: 'x' }, 'a']],
  ];
  for (const [type, values] of refused) {
    const check = rowChecker({
      mode: 'append',
      primaryKey: [],
      incremental: undefined,
      declared: schema({ v: type }),
    });
    for (const v of values) {
      assert.throws(
        () => check({ values: { v } }),
        { code: 'record.type_conflict' },
        `${type} ${JSON.stringify(v)}`,
      );
    }
  }
});

test('an unknown field of a struct is refused by its path', () => {
  const declared = schema({ v: 'struct<a: struct<name: string>>' });
  const check = rowChecker({ mode: 'append', primaryKey: [], incremental: undefined, declared });
  assert.throws(() => check({ values: { v: { a: { nmae: 'x' } } } }), {
    code: 'record.unknown_column',
    message: /v\.a\.nmae/,
    hint: /v\.a\.name/,
  });
});

test('an older file reads under the types that the table has now', async () => {
  const held = schema({ n: 'int32', s: 'string', o: 'struct<a: int64>', gone: 'string' });
  fileOf(held, [{ n: 5, s: '{"not":"parsed"}', o: { a: 1 } }]);
  const table = schema({ added: 'date', o: 'struct<a: int64, b: string>', s: 'json', n: 'decimal(20,2)' });
  const { rows, types } = await read(held, table);
  assert.deepEqual(rows, [
    { added: null, o: { a: '1', b: null }, s: '"{\\"not\\":\\"parsed\\"}"', n: '5.00' },
  ]);
  assert.deepEqual(types, ['DATE', 'STRUCT("a" BIGINT, "b" VARCHAR)', 'JSON', 'DECIMAL(20,2)']);
});

test('names that need quotes, and a column that was only null so far', async () => {
  const held = schema({
    'a "b"': 'int64',
    "it's": 'string',
    select: 'string',
    u: 'undecided',
    __proto__x: 'string',
  });
  fileOf(held, [{ 'a "b"': 1, "it's": 'x', select: 'y' }]);
  assert.deepEqual((await read(held)).rows, [
    { 'a "b"': '1', "it's": 'x', select: 'y', u: null, __proto__x: null },
  ]);
});

test('only commits up to a time count when one is given', async () => {
  const held = schema({ v: 'int64' });
  fileOf(
    held,
    [0, 1, 2, 3].map((v) => ({ v })),
  );
  const { rows } = await read(held, held, '2026-11-01T00:00:02.000Z');
  assert.deepEqual(
    rows.map(({ v }) => v),
    ['0', '1', '2'],
  );
});

test('a line of nearly sixteen megabytes is read, and the ones around it', async () => {
  const held = schema({ v: 'string' });
  const large = 'x'.repeat(15_999_000);
  fileOf(held, [{ v: 'a' }, { v: large }, { v: 'b' }]);
  assert.deepEqual(
    (await read(held)).rows.map(({ v }) => String(v).length),
    [1, large.length, 1],
  );
});

test('a file of a head alone has no rows', async () => {
  const held = schema({ v: 'string' });
  fileOf(held, []);
  assert.deepEqual((await read(held)).rows, []);
});
