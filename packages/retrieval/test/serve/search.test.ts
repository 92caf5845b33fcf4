import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, OWNER_GRANT, type QueryRequest } from '@hakiri/core';
import { columns, ISSUES, issue, pages, type Values, type World, world } from './support/world.ts';

const TITLES = [
  'Memory leak while reading parquet files',
  'Parquet reader crashes on empty files',
  'Add a cheaper mode for memory',
  'Typo in the documentation of joins',
  'Joins are slow when keys are text',
  'The cat sat on the mat',
  'Memory grows without bound when sorting',
  'Crash in the parquet writer',
];

const titled = (parts: (i: number) => Values = () => ({})): readonly Values[] =>
  TITLES.map((title, i) => issue(i + 1, { title, ...parts(i) }));

const searchable = (t: Parameters<typeof world>[0]) => world(t, {}, true);

const idsOf = ({ rows }: Answer): unknown[] => rows.map(([id]) => id);

const SEARCH: QueryRequest = {
  table: ISSUES,
  select: ['id', '_score', '_rank'],
  search: { text: 'parquet memory', mode: 'keyword' },
};

test('a search gives the best rows first, each with its score and where it comes from', async (t) => {
  const there = await searchable(t);
  const run = await there.run(ISSUES, titled());
  const answer = await there.ask({ ...SEARCH, cite: true, explain: true });
  assert.equal(idsOf(answer)[0], 1, 'both words');
  assert.deepEqual(new Set(idsOf(answer)), new Set([1, 2, 3, 7, 8]));
  assert.deepEqual(
    answer.rows.map(([, , rank]) => rank),
    [1, 2, 3, 4, 5],
  );
  const scores = answer.rows.map(([, score]) => Number(score));
  assert.deepEqual(
    scores,
    scores.toSorted((a, b) => b - a),
  );
  assert.ok(answer.citations?.kind === 'rows');
  assert.equal(answer.citations.rows[0]?.[0]?.run, run);
  assert.deepEqual(answer.citations.rows[0]?.[0]?.key, [1]);
  assert.deepEqual(answer.freshness?.[0]?.indexes, [{ name: 'fts', rowsBehind: 0 }]);
  assert.equal(answer.plan?.step, 'search');
  assert.deepEqual(
    answer.plan?.steps?.map(({ step }) => step),
    ['search', 'rows'],
  );
});

test('without a selection the score comes behind the own columns of the table', async (t) => {
  const there = await searchable(t);
  await there.run(ISSUES, titled());
  const found = await there.ask({ table: ISSUES, search: { text: 'cat' } });
  const { columns: plain } = await there.ask({ table: ISSUES });
  assert.deepEqual(found.columns, [...plain, { name: '_score', type: 'DOUBLE' }]);
});

test('through the view an answer is what it is by key', async (t) => {
  const there = await searchable(t);
  await there.run(ISSUES, titled());
  const select = ['id', 'user', 'user.login', 'updated_at', 'comments', '_score', '_rank', '_hakiri_seq'];
  const byKey = await there.ask({ ...SEARCH, select, cite: true });
  const ordered = await there.ask({ ...SEARCH, select, cite: true, orderBy: ['_rank'] });
  assert.deepEqual(ordered.rows, byKey.rows);
  assert.deepEqual(ordered.columns, byKey.columns);
  assert.deepEqual(ordered.citations, byKey.citations);
});

test('an order is that of the rows that were found', async (t) => {
  const there = await searchable(t);
  await there.run(ISSUES, titled());
  const found = await there.ask({ ...SEARCH, orderBy: ['id desc'] });
  assert.deepEqual(idsOf(found), [8, 7, 3, 2, 1]);
});

test('a filter holds before the search', async (t) => {
  const there = await searchable(t);
  await there.run(ISSUES, titled());
  const found = await there.ask({
    ...SEARCH,
    filter: 'id > 2',
    search: { text: 'parquet memory', k: 2, mode: 'keyword' },
  });
  assert.equal(found.rows.length, 2, 'k rows are k allowed rows');
  assert.ok(idsOf(found).every((id) => Number(id) > 2));
});

test('the mode is hybrid where both kinds of index are there', async (t) => {
  const there = await searchable(t);
  await there.run(ISSUES, titled());
  const { freshness, rows } = await there.ask({ table: ISSUES, search: { text: 'parquet crash', k: 3 } });
  assert.deepEqual(
    freshness?.[0]?.indexes.map(({ name }) => name),
    ['fts', 'vec'],
  );
  assert.equal(rows.length, 3);
  const vector = await there.ask({ ...SEARCH, search: { text: 'parquet readers', mode: 'vector', k: 3 } });
  assert.equal(vector.rows.length, 3);
});

test('named searches are relations of a SELECT, with filters and values before them', async (t) => {
  const there = await world(t, { people: columns({ login: 'string', trusted: 'boolean' }) }, true);
  await there.run(ISSUES, titled());
  await there.run(
    'people',
    ['u0', 'u1', 'u2', 'u3', 'u4'].map((login, i) => ({ login, trusted: i % 2 === 1 })),
    { primaryKey: ['login'] },
  );
  const answer = await there.ask({
    sql: `select i.id, p.login, h._rank, h._score from hits h join issues i using (id)
          join people p on p.login = i.user.login order by h._rank`,
    search: {
      hits: {
        table: ISSUES,
        text: 'parquet memory',
        mode: 'keyword',
        filter: 'id < 8',
        in: { 'user.login': 'select login from people where trusted' },
      },
    },
    cite: true,
  });
  assert.deepEqual(new Set(idsOf(answer)), new Set([1, 3]), 'of 1, 2, 3 and 7 those of trusted people');
  assert.ok(answer.citations?.kind === 'rows');
  for (const cited of answer.citations.rows) {
    assert.deepEqual(new Set(cited.map(({ table }) => table)), new Set([ISSUES, 'people']));
  }
  const both = await there.ask({
    sql: 'select count(*) from a full join b using (id)',
    search: {
      a: { table: ISSUES, text: 'joins', mode: 'keyword' },
      b: { table: ISSUES, text: 'crash', mode: 'keyword' },
    },
  });
  assert.deepEqual(both.rows, [[4]]);
});

test('rows that are new, changed or gone are so in the next search', async (t) => {
  const there = await searchable(t);
  await there.run(ISSUES, titled());
  const cat = async () => idsOf(await there.ask({ ...SEARCH, search: { text: 'cat', mode: 'keyword' } }));
  assert.deepEqual(await cat(), [6]);
  await there.run(ISSUES, [issue(20, { title: 'another cat' })]);
  assert.deepEqual(new Set(await cat()), new Set([6, 20]));
  await there.run(ISSUES, [issue(6, { title: 'a dog', updated_at: '2026-06-01T00:00:00Z' })]);
  assert.deepEqual(await cat(), [20]);
  await there.write(ISSUES, [{ values: { id: 30, title: 'small cat', updated_at: '2026-06-01T00:00:00Z' } }]);
  assert.deepEqual(new Set(await cat()), new Set([20, 30]));
  await there.compact();
  assert.deepEqual(new Set(await cat()), new Set([20, 30]));
  await there.write(ISSUES, [{ delete: { id: 20 } }]);
  assert.deepEqual(await cat(), [30]);
});

test('the past is searched as it was', async (t) => {
  const there = await searchable(t);
  const first = await there.run(ISSUES, titled());
  await there.run(ISSUES, [
    issue(6, { title: 'a dog', updated_at: '2026-06-01T00:00:00Z' }),
    issue(40, { title: 'cat' }),
  ]);
  const { rows } = await there.ask({
    table: ISSUES,
    select: ['id', 'title'],
    search: { text: 'cat', mode: 'keyword' },
    asOf: { run: first },
  });
  assert.deepEqual(rows, [[6, TITLES[5]]]);
});

test('pages of a search fit together while others commit', async (t) => {
  const there = await searchable(t);
  const later = (page: number) => `2026-06-01T00:00:${String(page).padStart(2, '0')}Z`;
  await there.run(ISSUES, titled());
  const before = await there.ask(SEARCH);
  for (const request of [
    { ...SEARCH, limit: 1 },
    { ...SEARCH, limit: 2, orderBy: ['id'] },
  ]) {
    const answers = await pages(there.ask, request, async (page) => {
      await there.run(ISSUES, [
        issue(100 + page, { title: 'parquet memory parquet', updated_at: later(page) }),
      ]);
      if (page === 2) await there.compact();
    });
    const read = answers.flatMap(({ rows }) => rows);
    if (request.limit === 1) assert.deepEqual(read, before.rows);
    else assert.ok(read.length >= before.rows.length);
    assert.equal(new Set(read.map(([id]) => id)).size, read.length);
  }
});

test('what cannot be searched is told, with what can', async (t) => {
  const there = await world(t, { people: columns({ login: 'string' }) }, true);
  await there.run(ISSUES, titled());
  await there.run('people', [{ login: 'u1' }], { primaryKey: ['login'] });
  const refused = (request: QueryRequest, expected: { code: string; hint?: RegExp }) =>
    assert.rejects(there.ask(request), expected, JSON.stringify(request));
  await refused(
    { table: 'people', search: { text: 'x' } },
    { code: 'query.no_index', hint: /issues by fts \(title\)/ },
  );
  await refused(
    { table: ISSUES, search: { text: 'x', indexes: ['ftss'] } },
    { code: 'query.no_index', hint: /Did you mean fts/ },
  );
  await refused(
    { table: ISSUES, search: { text: 'x', indexes: ['fts'], mode: 'hybrid' } },
    { code: 'query.no_index', hint: /It has fts/ },
  );
  for (const k of [0, 1001, 1.5, -1])
    await refused({ table: ISSUES, search: { text: 'x', k } }, { code: 'query.invalid' });
  await refused({ table: ISSUES, search: { text: '  ' } }, { code: 'query.invalid' });
  await refused(
    { sql: 'from hits', search: { issues: { table: ISSUES, text: 'x' } } },
    { code: 'query.invalid', hint: /no name of a table/ },
  );
  await refused(
    {
      sql: 'from hits',
      search: { hits: { table: ISSUES, text: 'x', in: { id: 'select id, title from issues' } } },
    },
    { code: 'query.invalid' },
  );
  await refused(
    {
      sql: 'from hits',
      search: { hits: { table: ISSUES, text: 'x', in: { id: 'select * from range(10001)' } } },
    },
    { code: 'query.too_large' },
  );
});

test('a description tells the indexes', async (t) => {
  const there = await searchable(t);
  await there.run(ISSUES, titled());
  const { indexes } = await there.serve.describe(ISSUES, OWNER_GRANT);
  assert.deepEqual(
    indexes.map(({ kind, name, rowsBehind }) => [kind, name, rowsBehind]),
    [
      ['fts', 'fts', 0],
      ['vector', 'vec', 0],
    ],
  );
  assert.equal(indexes[1]?.modelKind, 'lexical');
});

test('what a search found is exported in full', async (t) => {
  const there: World = await searchable(t);
  await there.run(ISSUES, titled());
  const output = `${there.root}/cache/found.csv`;
  const { rows } = await there.serve.export(
    { kind: 'rows', rows: SEARCH, format: 'csv', output },
    OWNER_GRANT,
  );
  assert.equal(rows, 5);
});
