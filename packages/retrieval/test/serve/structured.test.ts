import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OWNER_GRANT } from '@hakiri/core';
import { columns, ISSUES, issue, issues, world } from './support/world.ts';

test('a structured query says where each row comes from, how old all is, and that nothing was withheld', async (t) => {
  const { ask, run, serve } = await world(t);
  await run(ISSUES, issues(1, 30));
  const answer = await ask({
    table: ISSUES,
    select: ['title', 'user.login'],
    filter: "state = 'open' and comments > 3",
    orderBy: ['comments desc'],
    limit: 3,
    cite: true,
  });
  assert.deepEqual(
    answer.columns.map(({ name }) => name),
    ['title', 'user.login'],
  );
  assert.deepEqual(answer.rows, [
    ['title 13', 'u3'],
    ['title 20', 'u0'],
    ['title 5', 'u0'],
  ]);
  assert.equal(answer.truncated, 'rows');
  assert.ok(answer.citations?.kind === 'rows');
  for (const [i, citations] of answer.citations.rows.entries()) {
    assert.equal(citations.length, 1);
    const [row] = await serve.get({ table: ISSUES, keys: [citations[0]?.key ?? []] }, OWNER_GRANT);
    assert.equal(row?.values.title, answer.rows[i]?.[0]);
    assert.deepEqual(row?.citation, citations[0]);
  }
  const [freshness] = answer.freshness ?? [];
  assert.equal(freshness?.table, ISSUES);
  assert.ok((freshness?.ageMs ?? -1) >= 0 && (freshness?.ageMs ?? 0) < 60_000);
  assert.deepEqual(answer.policy, { columns: [] });
});

test('without a selection the columns are the own ones of the table', async (t) => {
  const { ask, run } = await world(t);
  await run(ISSUES, issues(1, 3));
  const { columns: found } = await ask({ table: ISSUES, cite: true, filter: '_hakiri_seq > 0' });
  assert.deepEqual(
    found.map(({ name }) => name),
    ['id', 'title', 'state', 'comments', 'user', 'updated_at'],
  );
});

test('an order is by the path of a struct as well, nulls last', async (t) => {
  const { ask, run } = await world(t);
  await run(ISSUES, [issue(1, { user: null }), issue(2), issue(3)]);
  const { rows } = await ask({ table: ISSUES, select: ['id'], orderBy: ['user.login desc'] });
  assert.deepEqual(rows, [[3], [2], [1]]);
});

test('a filter of ten thousand values is one', async (t) => {
  const { ask, run } = await world(t);
  await run(ISSUES, issues(1, 50));
  const values = Array.from({ length: 10_000 }, (_, i) => String(i + 40));
  const { rows } = await ask({ table: ISSUES, filter: `id in (${values.join(', ')})` });
  assert.equal(rows.length, 11);
});

test('what a query was made of is told where it is asked for', async (t) => {
  const { ask, run } = await world(t);
  await run(ISSUES, issues(1, 30));
  const { plan } = await ask({ table: ISSUES, filter: 'comments > 3', orderBy: ['id'], explain: true });
  assert.equal(plan?.step, 'rows');
  assert.equal(plan?.rows, 12);
  assert.deepEqual(
    plan?.steps?.map(({ step }) => step),
    ['read', 'filter', 'order'],
  );
  assert.equal(plan?.steps?.[0]?.estimatedRows, 30);
});

test('misspelt tables and columns get the nearest names', async (t) => {
  const { ask, run } = await world(t, { visits: columns({ page: 'string' }) });
  await run(ISSUES, issues(1, 3));
  await run('visits', [{ page: '/' }], { mode: 'append', primaryKey: [] });
  await assert.rejects(ask({ table: 'isues' }), { hint: 'Did you mean issues?' });
  await assert.rejects(ask({ sql: 'select * from visit' }), {
    code: 'query.unknown_table',
    hint: 'Did you mean visits?',
  });
  await assert.rejects(ask({ table: ISSUES, select: ['user.loggin'] }), {
    hint: 'Did you mean user or user.login?',
  });
  await assert.rejects(ask({ table: ISSUES, orderBy: ['coments desc'] }), { hint: 'Did you mean comments?' });
});
