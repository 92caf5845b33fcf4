import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OWNER_GRANT, parseAddress } from '@hakiri/core';
import { columns, ISSUES, issue, issues, PROJECT, world } from './support/world.ts';

test('a row comes by its key, with where it comes from', async (t) => {
  const { serve, run } = await world(t);
  const first = await run(ISSUES, issues(1, 20));
  const second = await run(ISSUES, [issue(7, { title: 'changed', updated_at: '2026-02-01T00:00:00Z' })]);
  const [seven, none, eight] = await serve.get({ table: ISSUES, keys: [[7], [99], ['8']] }, OWNER_GRANT);
  assert.equal(seven?.values.title, 'changed');
  assert.deepEqual(seven?.citation, {
    table: ISSUES,
    key: [7],
    run: second,
    connector: 'test',
    author: 'ada',
    sourceTime: '2026-02-01T00:00:00Z',
    address: `hakiri://${PROJECT}/tables/issues/rows/%5B7%5D`,
  });
  assert.equal(none, undefined);
  assert.equal(eight?.citation.run, first);
  assert.deepEqual(eight?.citation.key, [8], 'in the one JSON form, however it was asked for');
  assert.deepEqual(parseAddress(eight?.citation.address ?? ''), {
    kind: 'row',
    project: PROJECT,
    table: ISSUES,
    key: [8],
  });
});

test('columns are chosen by path, and misspelt ones are told', async (t) => {
  const { serve, run } = await world(t);
  await run(ISSUES, [issue(1, { user: null }), issue(2)]);
  const rows = await serve.get(
    { table: ISSUES, keys: [[1], [2]], select: ['title', 'user.login', '_hakiri_seq'] },
    OWNER_GRANT,
  );
  assert.deepEqual(
    rows.map((row) => row?.values),
    [
      { title: 'title 1', 'user.login': null, _hakiri_seq: 0 },
      { title: 'title 2', 'user.login': 'u2', _hakiri_seq: 1 },
    ],
  );
  await assert.rejects(serve.get({ table: ISSUES, keys: [[1]], select: ['titel'] }, OWNER_GRANT), {
    code: 'query.unknown_column',
    hint: 'Did you mean title?',
  });
  await assert.rejects(serve.get({ table: 'isues', keys: [[1]] }, OWNER_GRANT), {
    code: 'query.unknown_table',
    hint: 'Did you mean issues?',
  });
});

test('a row of a table without a key is found by run and sequence', async (t) => {
  const { serve, run } = await world(t, { visits: columns({ page: 'string' }) });
  const made = await run('visits', [{ page: '/a' }, { page: '/b' }], { mode: 'append', primaryKey: [] });
  const [row] = await serve.get({ table: 'visits', keys: [[made, 1]] }, OWNER_GRANT);
  assert.deepEqual(row?.values, { page: '/b' });
  assert.deepEqual(row?.citation.key, [made, 1]);
  assert.match(row?.citation.sourceTime ?? '', /^\d{4}-.*Z$/, 'of the commit');
});

test('a small write is cited, before it is in Parquet and after', async (t) => {
  const { serve, write, fold } = await world(t);
  await write(ISSUES, [{ values: { id: 5, title: 'small', updated_at: '2026-03-01T00:00:00Z' } }]);
  const before = await serve.get({ table: ISSUES, keys: [[5]] }, OWNER_GRANT);
  assert.equal(before[0]?.citation.author, 'ada');
  assert.equal(before[0]?.citation.sourceTime, '2026-03-01T00:00:00Z');
  await fold(ISSUES);
  assert.deepEqual(await serve.get({ table: ISSUES, keys: [[5]] }, OWNER_GRANT), before);
});
