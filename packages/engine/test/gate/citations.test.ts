import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonValue } from '@hakiri/core';
import type { CitedRow, Engine, QueryResult } from '../../src/index.ts';
import { testEngine } from '../support/engine.ts';
import { type PlainEngine, plainEngine, unordered } from './support/plain.ts';
import { randomQuery } from './support/random-query.ts';
import { type GateWorld, gateWorld, KEYS } from './support/world.ts';

const COUNT = Number(process.env.HAKIRI_FUZZ_COUNT ?? 150);
const FIRST_SEED = Number(process.env.HAKIRI_FUZZ_SEED ?? 1);

let engine: Engine;
let world: GateWorld;
let plain: PlainEngine;
/** By view, then by the key as JSON: every column of the row. */
const stored = new Map<string, ReadonlyMap<string, Readonly<Record<string, JsonValue>>>>();

before(async () => {
  engine = testEngine();
  world = await gateWorld(engine);
  plain = await plainEngine(world.session(''));
  const whole = await plainEngine(world.session('', { provenance: true }));
  for (const [view, { key }] of Object.entries(KEYS)) {
    const { columns, rows } = await whole.ask(`SELECT * FROM ${view}`);
    const records = rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i] ?? null])));
    stored.set(view, new Map(records.map((record) => [addressOf(record, key), record])));
  }
  whole.close();
});
after(async () => {
  plain.close();
  await engine.close();
});

/** In a table without a key run and sequence tell the row. */
function addressOf(record: Readonly<Record<string, JsonValue>>, key: readonly string[]): string {
  const named = key.length > 0 ? key : ['_hakiri_run', '_hakiri_seq'];
  return JSON.stringify(named.map((column) => record[column]));
}

const ask = (sql: string): Promise<QueryResult> =>
  engine.query(
    {
      ...world.session(sql, { provenance: true }),
      maxRows: 10_000,
      maxBytes: 1e7,
      cite: { views: KEYS },
    },
    { timeoutMs: 20_000 },
  );

function sourceOf({ view, key, run, seq }: CitedRow): Readonly<Record<string, JsonValue>> {
  const record = stored.get(view)?.get(JSON.stringify(key.length > 0 ? key : [run, seq]));
  assert.ok(record, `${view} ${JSON.stringify(key)} is there`);
  assert.deepEqual([record._hakiri_run, record._hakiri_seq], [run, seq]);
  return record;
}

const rowsOf = (answer: QueryResult): readonly (readonly CitedRow[])[] => {
  assert.equal(answer.cited?.kind, 'rows');
  return answer.cited?.kind === 'rows' ? answer.cited.rows : [];
};

const named = (rows: readonly (readonly CitedRow[])[]) =>
  rows.map((row) => row.map(({ view, key }) => [view, ...key]));

test('random queries: the answer is as without sources, and each source is a row that the answer was made of', async (t) => {
  let cited = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + COUNT; seed++) {
    const query = randomQuery(seed);
    const what = `seed ${seed}: ${query.sql}`;
    const expected = await plain
      .ask(query.sql)
      .catch((error: Error) => assert.fail(`${what}: ${error.message}`));
    const answer = await ask(query.sql).catch((error: Error) => assert.fail(`${what}: ${error.message}`));
    if (query.isOrdered) assert.deepEqual(answer.rows, expected.rows, what);
    else assert.deepEqual(unordered(answer.rows), unordered(expected.rows), what);
    assert.equal(answer.columns.length, expected.columns.length, what);
    assert.equal(answer.cited?.kind, query.isPlain ? 'rows' : 'tables', what);
    if (answer.cited?.kind !== 'rows') continue;
    cited++;
    assert.equal(answer.cited.rows.length, answer.rows.length, what);
    answer.cited.rows.forEach((row, i) => {
      const sources = row.map((source) => ({ view: source.view, record: sourceOf(source) }));
      if (query.sources !== undefined) assert.equal(sources.length, query.sources, what);
      for (const [index, { view, column }] of query.copies) {
        const value = answer.rows[i]?.[index] ?? null;
        if (value === null) continue;
        const isFound = sources.some(
          ({ view: of, record }) => of === view && JSON.stringify(record[column]) === JSON.stringify(value),
        );
        assert.ok(isFound, `${what}: ${column} of row ${i}`);
      }
    });
  }
  t.diagnostic(`${COUNT} queries from seed ${FIRST_SEED}, ${cited} with rows cited`);
});

test('each row names the rows it was made of, in the order of FROM', async () => {
  const { rows, cited } = await ask(
    'SELECT t.subject, a.name FROM tickets t JOIN accounts a ON a.id = t.account_id WHERE t.id = 3',
  );
  assert.deepEqual(rows, [['Memory leak 3', 'account 3']]);
  assert.deepEqual(cited, {
    kind: 'rows',
    rows: [
      [
        { view: 'tickets', key: [3], run: '01JABCDEFGHJKMNPQRSTVW1000', seq: 3 },
        { view: 'accounts', key: [3], run: '01JABCDEFGHJKMNPQRSTVW1000', seq: 3 },
      ],
    ],
  });
});

test('what was not found beside a row is not cited', async () => {
  const answer = await ask(
    'SELECT a.id, t.id FROM accounts a LEFT JOIN tickets t ON t.account_id = a.id AND t.id < 2 ORDER BY a.id',
  );
  assert.deepEqual(named(rowsOf(answer)), [
    [
      ['accounts', 0],
      ['tickets', 0],
    ],
    [
      ['accounts', 1],
      ['tickets', 1],
    ],
    [['accounts', 2]],
    [['accounts', 3]],
    [['accounts', 4]],
  ]);
});

test('sources pass through WITH clauses that are used twice, subqueries, renamed columns and limits', async () => {
  const answer = await ask(`
    WITH open AS (SELECT * FROM tickets WHERE status = 'open'), top(n, who) AS (SELECT id, account_id FROM open ORDER BY id DESC LIMIT 3)
    SELECT x.n, y.* FROM top AS x JOIN (SELECT who AS account, n AS m FROM top) AS y(a, b) ON x.n = y.b + 2 ORDER BY 1`);
  assert.deepEqual(answer.rows, [
    [8, 2, 6],
    [10, 0, 8],
  ]);
  assert.deepEqual(named(rowsOf(answer)), [
    [
      ['tickets', 8],
      ['tickets', 6],
    ],
    [
      ['tickets', 10],
      ['tickets', 8],
    ],
  ]);
});

test('a star stays what it is: with USING, NATURAL, EXCLUDE, REPLACE, of one table, of a search', async () => {
  for (const sql of [
    'SELECT * FROM hits JOIN tickets USING (id) ORDER BY id',
    'SELECT * FROM tickets NATURAL JOIN hits ORDER BY id',
    'SELECT t.*, h._rank FROM tickets t JOIN hits h USING (id) ORDER BY id',
    'SELECT * EXCLUDE (body, meta) REPLACE (-id AS id) FROM tickets ORDER BY id',
    'SELECT *, id, * FROM accounts ORDER BY 1',
    'SELECT a.*, b.* FROM accounts a POSITIONAL JOIN accounts b ORDER BY 1',
    'FROM accounts ORDER BY id',
    'SELECT "user".*, id FROM tickets ORDER BY id',
  ]) {
    const answer = await ask(sql);
    const expected = await plain.ask(sql);
    assert.deepEqual(
      answer.columns.map(({ name }) => name),
      expected.columns,
      sql,
    );
    assert.deepEqual(answer.rows, expected.rows, sql);
    assert.equal(answer.cited?.kind, 'rows', sql);
  }
});

test('the columns of provenance are there for whoever names them', async () => {
  const answer = await ask('SELECT id, _hakiri_seq FROM tickets WHERE id = 5');
  assert.deepEqual(answer.rows, [[5, 5]]);
  assert.deepEqual(named(rowsOf(answer)), [[['tickets', 5]]]);
});

test('a table without a key is cited by run and sequence', async () => {
  const [first] = rowsOf(await ask('SELECT ts FROM quotes ORDER BY ts LIMIT 1'));
  assert.deepEqual(first, [{ view: 'quotes', key: [], run: '01JABCDEFGHJKMNPQRSTVW1000', seq: 0 }]);
});

test('what is put together of many rows cites its tables, with the condition where it stands alone', async () => {
  const tables = async (sql: string) => {
    const { cited } = await ask(sql);
    assert.equal(cited?.kind, 'tables', sql);
    return cited?.kind === 'tables' ? cited.tables.map(({ view, predicate }) => [view, predicate]) : [];
  };
  assert.deepEqual(await tables("SELECT count(*) FROM tickets WHERE status = 'open' AND priority > 1"), [
    ['tickets', "((status = 'open') AND (priority > 1))"],
  ]);
  assert.deepEqual(await tables('SELECT max(id) FROM tickets UNION SELECT id FROM accounts WHERE id < 2'), [
    ['tickets', null],
    ['accounts', '(id < 2)'],
  ]);
  assert.deepEqual(
    await tables(
      'SELECT region, count(*) FROM tickets t JOIN accounts a ON a.id = account_id WHERE priority > 1 GROUP BY 1',
    ),
    [
      ['tickets', null],
      ['accounts', null],
    ],
  );
  assert.deepEqual(await tables('SELECT DISTINCT status FROM tickets'), [['tickets', null]]);
  assert.deepEqual(await tables('SELECT t FROM tickets t'), [['tickets', null]]);
  assert.deepEqual(await tables('SELECT id, (SELECT max(id) FROM accounts) FROM tickets'), [
    ['tickets', null],
    ['accounts', null],
  ]);
});

test('an answer that is cut short has as many sources as rows', async () => {
  const answer = await engine.query(
    {
      ...world.session('SELECT id FROM tickets ORDER BY id', { provenance: true }),
      maxRows: 3,
      maxBytes: 1e6,
      skipRows: 2,
      cite: { views: KEYS },
    },
    { timeoutMs: 20_000 },
  );
  assert.deepEqual(answer.rows, [[2], [3], [4]]);
  assert.equal(answer.truncated, 'rows');
  assert.deepEqual(named(rowsOf(answer)), [[['tickets', 2]], [['tickets', 3]], [['tickets', 4]]]);
});
