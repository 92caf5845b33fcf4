import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isHakiriError, type JsonValue } from '@hakiri/core';
import type { Engine, QueryResult, SessionQuery } from '../../src/index.ts';
import { testEngine } from '../support/engine.ts';

let engine: Engine;
before(() => {
  engine = testEngine();
});
after(() => engine.close());

/**
 * Forty people: region `big` of 20 and `mid` of 12 may be told, `few` of 4 and one each of `r36` to `r39` may not.
 * `rare` has a value for three people only.
 */
const PEOPLE = `CREATE VIEW "_hakiri_all" AS SELECT i AS id, i AS "_hakiri_key_0", 'p' || i AS name,
  CASE WHEN i < 20 THEN 'big' WHEN i < 32 THEN 'mid' WHEN i < 36 THEN 'few' ELSE 'r' || i END AS region,
  1000 + i AS salary, CASE WHEN i < 3 THEN i END AS rare, DATE '2026-01-01' + CAST(i AS INTEGER) AS born,
  {'login': 'u' || i} AS acc FROM range(40) r(i)`;

const session = (sql: string): SessionQuery => ({
  sql,
  views: [
    PEOPLE,
    'CREATE VIEW "people" AS SELECT * EXCLUDE ("_hakiri_key_0") FROM "_hakiri_all"',
    // Each person twice.
    `CREATE VIEW "visits" AS SELECT i // 2 AS person, 'v' || i AS visit, 'p' || (i // 2) AS name FROM range(80) r(i)`,
  ],
  bases: { people: { view: '_hakiri_all', extra: ['_hakiri_key_0'] } },
  aggregateOnly: {
    people: { key: ['_hakiri_key_0'], minGroup: 5 },
    hits: { key: ['id'], minGroup: 5 },
  },
  relations: [
    {
      name: 'hits',
      columns: [
        { name: 'id', type: { kind: 'int64' } },
        { name: '_score', type: { kind: 'double' } },
      ],
      rows: Array.from({ length: 8 }, (_, i): JsonValue[] => [i, 1 / (i + 1)]),
    },
  ],
  allowedPaths: [],
  maxRows: 1000,
  maxBytes: 1e6,
});

const ask = (sql: string): Promise<QueryResult> => engine.query(session(sql), { timeoutMs: 20_000 });
const rowsOf = async (sql: string) => (await ask(sql)).rows;

test('groups show only where they hold enough keys, and keep their names', async () => {
  const { columns, rows } = await ask(
    `SELECT region, count(*), avg(salary), count(DISTINCT name) AS names, sum("salary") s
     FROM people p WHERE salary >= 1000 GROUP BY region HAVING s > 0 ORDER BY count(*) DESC`,
  );
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['region', 'count_star()', 'avg(salary)', 'names', 's'],
  );
  assert.deepEqual(rows, [
    ['big', 20, 1009.5, 20, 20190],
    ['mid', 12, 1025.5, 12, 12306],
  ]);
});

test('what may be said in other ways gives the same', async () => {
  const same = [
    'SELECT region, count(*) FROM people GROUP BY region ORDER BY region',
    'SELECT region, count(*) AS n FROM people GROUP BY ALL ORDER BY ALL',
    'SELECT region, count() FROM people GROUP BY 1 ORDER BY 1',
    'SELECT people.region, count(id) FROM people GROUP BY people.region ORDER BY 1',
    'SELECT lower(region) AS g, count(*) FROM people GROUP BY g ORDER BY g',
    'SELECT lower(region), count(*) FROM people GROUP BY lower(region) ORDER BY lower(region)',
    'SELECT * FROM (SELECT region, count(*) n FROM people GROUP BY region) ORDER BY n DESC',
    'WITH g AS (SELECT region, count(*) n FROM people GROUP BY region) SELECT * FROM g ORDER BY 1',
    'SELECT "REGION", count(*) FROM PEOPLE GROUP BY "Region" HAVING count(*) BETWEEN 1 AND 100 ORDER BY 1',
    'SELECT DISTINCT region, count(*) FROM people GROUP BY region ORDER BY 1 LIMIT 10',
    `SELECT region, count(DISTINCT id) FROM people JOIN visits ON visits.person = people.id GROUP BY region ORDER BY 1`,
    `SELECT region, count(DISTINCT id) FROM people JOIN visits USING (name) GROUP BY region ORDER BY 1`,
  ];
  for (const sql of same) {
    assert.deepEqual(
      await rowsOf(sql),
      [
        ['big', 20],
        ['mid', 12],
      ],
      sql,
    );
  }
});

test('columns are called as they were written', async () => {
  const sql =
    'SELECT (SELECT count(*) FROM people), 1 + (SELECT sum(salary) FROM people) FROM visits LIMIT 1';
  const { columns, rows } = await ask(sql);
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['(SELECT count_star() FROM people)', '(1 + (SELECT sum(salary) FROM people))'],
  );
  assert.deepEqual(rows, [[40, 40781]]);
});

test('an aggregate over a column is null where too few rows have a value', async () => {
  const sql = 'SELECT count(*), sum(rare), avg(rare), count(rare), count(DISTINCT rare), sum(id) FROM people';
  assert.deepEqual(await rowsOf(sql), [[40, null, null, null, null, 780]]);
  assert.deepEqual(await rowsOf('SELECT region FROM people GROUP BY region HAVING sum(rare) > 0'), []);
  assert.deepEqual(await rowsOf('SELECT region FROM people GROUP BY region ORDER BY sum(rare), 1'), [
    ['big'],
    ['mid'],
  ]);
});

test('too few keys give nothing, whatever multiplies the rows', async () => {
  const nothing = [
    `SELECT sum(salary) FROM people WHERE id = 7`,
    `SELECT count(*) FROM people WHERE region = 'few'`,
    `SELECT sum(salary) FROM people JOIN visits ON person = id WHERE visit IN ('v1', 'v2', 'v3', 'v4', 'v5')`,
    `SELECT a.region FROM people a JOIN people b ON a.region = b.region WHERE b.id = 7 GROUP BY 1`,
    `SELECT acc.login FROM people GROUP BY acc.login`,
    `SELECT born, count(*) FROM people GROUP BY born`,
    `SELECT CASE WHEN id = 3 THEN name END AS n FROM people WHERE id = 3 GROUP BY n`,
    `SELECT h.id, count(*) FROM hits h GROUP BY h.id`,
    `SELECT count(*) FROM hits JOIN people USING (id) WHERE id < 4`,
  ];
  for (const sql of nothing) assert.deepEqual(await rowsOf(sql), [], sql);
  assert.deepEqual(await rowsOf('SELECT count(*), avg(salary) FROM hits JOIN people USING (id)'), [
    [8, 1003.5],
  ]);
  assert.deepEqual(
    await rowsOf(
      'SELECT p, (SELECT sum(salary) FROM people WHERE id = v.p) FROM (VALUES (1), (2)) v(p) ORDER BY 1',
    ),
    [
      [1, null],
      [2, null],
    ],
  );
});

test('nothing that fails on a value tells of a row or of a group that is not given', async () => {
  const told = [
    `SELECT count(*) FROM people WHERE CAST(CASE WHEN id = 38 THEN 'x' ELSE '1' END AS INTEGER) = 1`,
    `SELECT count(*) FROM people WHERE 1 / (CASE WHEN salary = 1038 THEN 9223372036854775807 + 1 ELSE 1 END) = 1`,
    `SELECT CAST(CASE WHEN id = 38 THEN 'x' ELSE '1' END AS INTEGER) AS g, count(*) FROM people GROUP BY g`,
    `SELECT * FROM (SELECT region, sum(salary) s, count(*) n FROM people GROUP BY region)
     WHERE CAST(CASE WHEN n < 5 THEN 'x' ELSE '1' END AS INTEGER) = 1`,
    `SELECT * FROM (SELECT region, count(*) n FROM people GROUP BY region) WHERE CAST(region || '' AS VARCHAR) <> 'x'
     AND CAST(CASE WHEN region = 'few' THEN 'x' ELSE '1' END AS INTEGER) = 1`,
  ];
  for (const sql of told) assert.ok((await rowsOf(sql)).length > 0, sql);
});

test('what could single out a row is refused', async () => {
  const refused = [
    'SELECT * FROM people',
    'FROM people',
    'SELECT name FROM people',
    'SELECT DISTINCT region FROM people',
    'SELECT people FROM people GROUP BY people',
    'SELECT main.people FROM people GROUP BY main.people',
    'SELECT p FROM people p GROUP BY p',
    'SELECT count(p) FROM people p',
    'SELECT main.p, count(*) FROM people p GROUP BY ALL',
    'SELECT min(salary) FROM people',
    'SELECT max(name) FROM people',
    'SELECT list(name) FROM people',
    'SELECT any_value(name), count(*) FROM people',
    'SELECT string_agg(name) FROM people',
    'SELECT sum(DISTINCT salary) FROM people',
    'SELECT sum(CASE WHEN id = 7 THEN salary ELSE 0 END) FROM people',
    'SELECT sum(salary * 2) FROM people',
    'SELECT sum(salary) FILTER (id = 7) FROM people',
    'SELECT count(*) FILTER (WHERE id = 7) FROM people',
    'SELECT count(CASE WHEN id = 7 THEN 1 END) FROM people',
    'SELECT sum(salary) OVER () FROM people',
    'SELECT region, row_number() OVER () FROM people GROUP BY region',
    'SELECT region, count(*) FROM people GROUP BY ROLLUP (region)',
    'SELECT region, count(*) FROM people GROUP BY GROUPING SETS ((region), ())',
    'SELECT region, count(*) FROM people GROUP BY region QUALIFY row_number() OVER () = 1',
    'SELECT count(*) FROM people USING SAMPLE 1 ROWS',
    'SELECT count(*) FROM people TABLESAMPLE 10%',
    'SELECT count(*) FROM people LEFT JOIN visits ON person = id',
    'SELECT count(*) FROM visits LEFT JOIN people ON person = id',
    'SELECT count(*) FROM people FULL JOIN visits ON person = id',
    'SELECT count(*) FROM people SEMI JOIN visits ON person = id',
    'SELECT count(*) FROM visits ANTI JOIN people ON person = id',
    'SELECT visit FROM visits SEMI JOIN people ON person = id AND salary > 1020',
    'SELECT count(*) FROM people, visits WHERE id = person',
    'SELECT count(*) FROM people CROSS JOIN (VALUES (1), (2), (3))',
    'SELECT sum(salary) FROM people JOIN (VALUES (7), (7), (7)) v(id) USING (id)',
    'SELECT count(*) FROM people NATURAL JOIN visits',
    'SELECT count(*) FROM people JOIN visits ON person = id AND salary > 1020',
    'SELECT count(*) FROM people JOIN visits ON person = id + 1',
    'SELECT count(*) FROM people JOIN visits ON visit = id',
    'SELECT count(*) FROM people JOIN visits ON people.name = visits.person',
    'SELECT count(*) FROM people ASOF JOIN visits ON person >= id',
    'SELECT count(*) FROM people POSITIONAL JOIN visits',
    'SELECT count(*) FROM people, LATERAL (SELECT salary)',
    'SELECT * FROM visits, LATERAL (SELECT salary FROM people WHERE id = person)',
    'WITH w AS (SELECT 7 AS id) SELECT sum(salary) FROM people JOIN w USING (id)',
    'WITH w AS (SELECT * FROM people) SELECT count(*) FROM w',
    'SELECT count(*) FROM (SELECT id FROM people)',
    'SELECT 1 FROM people',
    'SELECT 1, count(*) FROM people',
    'SELECT count(*) FROM people WHERE id = (SELECT 7)',
    'SELECT count(*) FROM people WHERE EXISTS (SELECT 1 FROM visits WHERE person = id)',
    'SELECT (SELECT name FROM people LIMIT 1)',
    'SELECT visit FROM visits WHERE person IN (SELECT id FROM people WHERE salary > 1020)',
    'SELECT EXISTS (SELECT 1 FROM people WHERE id = 7)',
    'SELECT region, count(*) FROM people GROUP BY region HAVING min(salary) > 5',
    `SELECT region, count(*) FROM people GROUP BY region HAVING CAST(region AS INTEGER) = 1`,
    `SELECT region, count(*) FROM people GROUP BY region HAVING region = 'few'`,
    'SELECT region, count(*) FROM people GROUP BY region ORDER BY min(salary)',
    'SELECT region, count(*) FROM people GROUP BY region LIMIT (SELECT count(*) FROM visits)',
    'SELECT DISTINCT ON (region) region, count(*) FROM people GROUP BY region',
    'SELECT avg(COLUMNS(*)) FROM people',
    'SELECT #1, count(*) FROM people GROUP BY #1',
    'SUMMARIZE people',
    'SUMMARIZE SELECT * FROM people',
    "PIVOT people ON region IN ('big') USING count(*)",
    "SELECT * FROM (PIVOT people ON region IN ('big') USING sum(salary))",
    'UNPIVOT people ON name INTO NAME n VALUE v',
    'SELECT * FROM hits',
    'SELECT id, _score FROM hits ORDER BY 2',
    'SELECT max(_score) FROM hits',
    'SELECT t.a FROM people t(a, b) GROUP BY t.a',
    'SELECT count(*) FROM people UNION ALL SELECT id FROM people',
    'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r JOIN people ON id = n) SELECT * FROM r',
  ];
  for (const sql of refused) {
    const error = await ask(sql).then(
      ({ rows }) => assert.fail(`${sql} was answered: ${JSON.stringify(rows).slice(0, 200)}`),
      (reason: unknown) => reason,
    );
    assert.ok(isHakiriError(error), sql);
    assert.ok(
      /^(access\.aggregate_only|query\.(refused|invalid|not_select))$/.test(error.code),
      `${sql}: ${error.code} ${error.message}`,
    );
  }
});

test('what stands behind a view has no name', async () => {
  const hidden = [
    ['SELECT * FROM "_hakiri_all"', 'query.unknown_table'],
    ['WITH "_hakiri_all" AS (SELECT 1) SELECT * FROM "_hakiri_all"', 'query.refused'],
    ['SELECT count("_hakiri_key_0") FROM people', 'query.unknown_column'],
    ['SELECT count(*) FROM people GROUP BY "_hakiri_key_0"', 'query.unknown_column'],
    ['SELECT count(nothing) FROM people', 'query.unknown_column'],
  ] as const;
  for (const [sql, code] of hidden) {
    await assert.rejects(ask(sql), (error) => {
      assert.ok(isHakiriError(error), sql);
      assert.equal(error.code, code, `${sql}: ${error.message}`);
      assert.doesNotMatch(`${error.hint}`, /_hakiri/);
      return true;
    });
  }
});

test('with sources asked for, groups stay groups', async () => {
  const sql = `SELECT region, count(*) FROM people WHERE salary > 0 GROUP BY region ORDER BY 1`;
  const found = await engine.query(
    { ...session(sql), cite: { views: { people: { key: ['_hakiri_key_0'] } } } },
    { timeoutMs: 20_000 },
  );
  assert.deepEqual(found.rows, [
    ['big', 20],
    ['mid', 12],
  ]);
  assert.deepEqual(found.cited, {
    kind: 'tables',
    tables: [{ view: 'people', predicate: '(salary > 0)', rowsRead: null }],
  });
  assert.deepEqual(found.reads, { views: ['people'], columns: ['region', 'salary'] });
});
