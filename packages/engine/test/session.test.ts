import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Engine } from '../src/index.ts';
import { testEngine } from './support/engine.ts';

let folder: string;
let engine: Engine;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hakiri-session-'));
  engine = testEngine();
});
after(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const ask = (sql: string, options: { maxRows?: number; maxBytes?: number; timeoutMs?: number } = {}) =>
  engine.query(
    {
      sql,
      views: ["CREATE VIEW t AS SELECT i AS id, 'row ' || i AS name FROM range(100) r(i)"],
      allowedPaths: [],
      maxRows: options.maxRows ?? 1000,
      maxBytes: options.maxBytes ?? 1e7,
    },
    { timeoutMs: options.timeoutMs ?? 20_000 },
  );

test('one SELECT over the session is answered', async () => {
  const answer = await ask('SELECT count(*) AS n, max(name) AS m FROM t');
  assert.deepEqual(answer.rows, [[100, 'row 99']]);
  assert.deepEqual(
    answer.columns.map(({ name }) => name),
    ['n', 'm'],
  );
});

test('values have one JSON form', async () => {
  const answer =
    await ask(`SELECT 9007199254740993 AS big, 1.50::DECIMAL(9,2) AS dec, '\\xFF'::BLOB AS bytes, TIMESTAMP '2024-01-01 00:00:00.5' AS at,
    TIMESTAMPTZ '1969-12-31 23:59:59.999999Z' AS moment, DATE '2024-02-29' AS day, [1, NULL] AS list, {'a': 1, 'b': [true]} AS o, '{"x":12345678901234567890,"y":1.5}'::JSON AS j,
    'nan'::DOUBLE AS nan, NULL AS nothing`);
  assert.deepEqual(answer.rows[0], [
    '9007199254740993',
    '1.50',
    '/w==',
    '2024-01-01T00:00:00.5',
    '1969-12-31T23:59:59.999999Z',
    '2024-02-29',
    [1, null],
    { a: 1, b: [true] },
    { x: '12345678901234567890', y: 1.5 },
    'NaN',
    null,
  ]);
});

test('rows and bytes have a limit, and the answer says so', async () => {
  const few = await ask('SELECT * FROM t ORDER BY id', { maxRows: 3 });
  assert.deepEqual([few.rows.length, few.truncated], [3, 'rows']);
  const small = await ask("SELECT repeat('x', 1000) FROM range(1000)", { maxBytes: 5000 });
  assert.equal(small.truncated, 'bytes');
  assert.ok(small.rows.length <= 5);
  const all = await ask('SELECT * FROM t', { maxRows: 100 });
  assert.deepEqual([all.rows.length, all.truncated], [100, false]);
});

test('the session reaches no file, setting or statement outside it', async () => {
  const secret = join(folder, 'secret.csv');
  await writeFile(secret, 'a\n1\n');
  for (const [sql, code] of [
    [`SELECT * FROM '${secret}'`, 'query.refused'],
    [`SELECT * FROM read_csv('${secret}')`, 'query.refused'],
    ["SELECT * FROM glob('/etc/*')", 'query.refused'],
    ["SELECT * FROM read_text('/etc/passwd')", 'query.refused'],
    [`COPY t TO '${folder}/out.csv'`, 'query.not_select'],
    ['CREATE TABLE x AS SELECT 1', 'query.not_select'],
    ['SET enable_external_access = true', 'query.not_select'],
    ['PRAGMA database_list', 'query.not_select'],
    ["ATTACH ':memory:' AS x", 'query.not_select'],
    ['INSTALL httpfs', 'query.not_select'],
    ['SELECT 1; SELECT 2', 'query.not_select'],
    ['SELECT * FROM nope', 'query.unknown_table'],
    ['SELECT nope FROM t', 'query.unknown_column'],
    ['SELEC 1', 'query.invalid'],
    ["SELECT 'x'::INTEGER", 'query.failed'],
  ] as const) {
    await assert.rejects(ask(sql), { code }, sql);
  }
});

test('a query that runs too long is killed, and the next one is answered', async () => {
  const started = performance.now();
  await assert.rejects(
    ask('SELECT count(*) FROM range(1e12::BIGINT) a, range(1e6::BIGINT) b WHERE a.range % 7 = b.range % 5', {
      timeoutMs: 500,
    }),
    {
      code: 'query.timeout',
    },
  );
  assert.ok(performance.now() - started < 5000);
  assert.deepEqual((await ask('SELECT 1 AS one')).rows, [[1]]);
});

test('text that some take for an end of line passes in both directions', async () => {
  const text = 'a\u2028b\u2029c\u0085d\r\ne';
  assert.deepEqual((await ask(`SELECT '${text}' AS text, length('${text}') AS n`)).rows, [[text, 10]]);
});
