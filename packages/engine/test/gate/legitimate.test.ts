import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Engine, QueryResult, Session } from '../../src/index.ts';
import { testEngine } from '../support/engine.ts';
import { LEGITIMATE } from './support/legitimate.ts';
import { type PlainEngine, plainEngine, unordered } from './support/plain.ts';
import { type GateWorld, gateWorld, HITS, KEYS } from './support/world.ts';

let engine: Engine;
let world: GateWorld;
let plain: PlainEngine;
const answers = new Map<string, QueryResult>();
before(async () => {
  engine = testEngine();
  world = await gateWorld(engine);
  plain = await plainEngine(world.session(''));
});
after(async () => {
  plain.close();
  await engine.close();
});

const limits = { maxRows: 10_000, maxBytes: 1e7 };
const ask = (session: Session) => engine.query({ ...session, ...limits }, { timeoutMs: 20_000 });

/** The clock, chance, and rows of which any will do. */
const ANY_ANSWER =
  /random|uuid|now\(|current_|SAMPLE|LIMIT|any_value|first\(|INTERSECT|DISTINCT ON|POSITIONAL|array_agg|age\(/;

test('what an analyst may well ask is answered as by the engine itself', async (t) => {
  assert.ok(LEGITIMATE.length >= 100);
  for (const sql of LEGITIMATE) {
    const answer = await ask(world.session(sql)).catch((error: Error) =>
      assert.fail(`${sql}: ${error.message}`),
    );
    answers.set(sql, answer);
    const expected = await plain.ask(sql);
    assert.equal(answer.columns.length, expected.columns.length, sql);
    if (ANY_ANSWER.test(sql)) assert.equal(answer.rows.length > 0, expected.rows.length > 0, sql);
    else assert.deepEqual(unordered(answer.rows), unordered(expected.rows), sql);
  }
  t.diagnostic(`${LEGITIMATE.length} queries answered`);
});

test('asked for its sources, an answer stays what it is', async () => {
  for (const sql of LEGITIMATE) {
    const answer = answers.get(sql) ?? (await ask(world.session(sql)));
    const cited = await engine.query(
      { ...world.session(sql, { provenance: true }), ...limits, cite: { views: KEYS } },
      { timeoutMs: 20_000 },
    );
    assert.deepEqual(cited.columns, answer.columns, sql);
    if (!ANY_ANSWER.test(sql)) assert.deepEqual(unordered(cited.rows), unordered(answer.rows), sql);
    if (cited.cited?.kind === 'rows') assert.equal(cited.cited.rows.length, cited.rows.length, sql);
    else assert.ok(cited.cited, sql);
  }
});

test('a relation of the session has the types it was given, whatever the values', async () => {
  const relation = {
    name: 'given',
    columns: [
      { name: 'big', type: { kind: 'int64' } },
      { name: 'exact', type: { kind: 'decimal', precision: 20, scale: 3 } },
      { name: 'at', type: { kind: 'timestamp' } },
      { name: 'day', type: { kind: 'date' } },
      { name: 'raw', type: { kind: 'bytes' } },
      { name: 'flag', type: { kind: 'boolean' } },
      { name: 'list', type: { kind: 'list', item: { kind: 'int32' } } },
      { name: 'doc', type: { kind: 'json' } },
      { name: 'half', type: { kind: 'double' } },
    ],
    rows: [
      [
        '9223372036854775807',
        '12345678901234567.125',
        '2024-01-01T00:00:00.5Z',
        '2024-02-29',
        '/wA=',
        true,
        [1, null],
        { a: ['x'] },
        0.5,
      ],
      [null, null, null, null, null, null, null, null, null],
    ],
  } as const;
  const session = { ...world.session('SELECT * FROM given'), relations: [relation] } as unknown as Session;
  const { columns, rows } = await ask(session);
  assert.deepEqual(
    columns.map(({ type }) => type),
    [
      'BIGINT',
      'DECIMAL(20,3)',
      'TIMESTAMP WITH TIME ZONE',
      'DATE',
      'BLOB',
      'BOOLEAN',
      'INTEGER[]',
      'VARCHAR',
      'DOUBLE',
    ],
  );
  assert.deepEqual(rows, relation.rows);
});

test('a relation keeps the order of its rows, and ten thousand are taken', async () => {
  const rows = Array.from({ length: 10_000 }, (_, i) => [10_000 - i, 0.5, i + 1]);
  const many = { ...world.session('SELECT id FROM hits LIMIT 3'), relations: [{ ...HITS, rows }] };
  assert.deepEqual((await ask(many)).rows, [[10_000], [9_999], [9_998]]);
  const tooMany = { ...many, relations: [{ ...HITS, rows: [...rows, [0, 0, 0]] }] };
  await assert.rejects(ask(tooMany), { code: 'query.invalid' });
});

test('a relation has a plain name that nothing else has', async () => {
  for (const name of ['tickets', 'TICKETS', 'a b', '', 'x.parquet', '_hakiri_x', '"x"']) {
    const session = { ...world.session('SELECT 1'), relations: [{ ...HITS, name }] };
    await assert.rejects(ask(session), { code: 'query.invalid' }, name);
  }
  const twice = { ...world.session('SELECT 1'), relations: [HITS, { ...HITS, name: 'Hits' }] };
  await assert.rejects(ask(twice), { code: 'query.invalid' });
});

test('rows at the beginning can be left out', async () => {
  const page = (skipRows: number) =>
    engine.query(
      { ...world.session('SELECT range AS n FROM range(5000)'), maxRows: 2, maxBytes: 1e6, skipRows },
      { timeoutMs: 20_000 },
    );
  assert.deepEqual((await page(0)).rows, [[0], [1]]);
  assert.deepEqual((await page(2047)).rows, [[2047], [2048]]);
  assert.deepEqual((await page(4999)).rows, [[4999]]);
  assert.deepEqual((await page(6000)).rows, []);
});
