import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OWNER_GRANT, type TableName } from '@hakiri/core';
import { ISSUES, issue, issues, world } from './support/world.ts';

test('a description is enough to write a query that is right the first time', async (t) => {
  const { run, reopen } = await world(t);
  await run(ISSUES, [
    ...issues(1, 9),
    issue(10, { title: `\u001b[31mred\u001b[0m ${'long '.repeat(100)}`, user: null }),
  ]);
  const serve = await reopen({
    notes: new Map([
      [
        ISSUES as TableName,
        { description: 'One row an issue.', hints: new Map([['state', 'open or closed']]) },
      ],
    ]),
  });
  const found = await serve.describe(ISSUES, OWNER_GRANT);
  assert.equal(found.rows, 10);
  assert.equal(found.description, 'One row an issue.');
  assert.deepEqual(found.columns[2], { name: 'state', type: 'string', key: false, hint: 'open or closed' });
  assert.deepEqual(found.primaryKey, ['id']);
  assert.equal(found.incremental, 'updated_at');
  assert.equal(found.examples.length, 3);
  assert.equal(found.examples[0]?.length, found.columns.length);
  assert.ok(found.ageMs < 60_000);
  assert.deepEqual(found.indexes, []);
});

test('examples are short, and drive no terminal', async (t) => {
  const { run, serve } = await world(t);
  await run(ISSUES, [issue(1, { title: `\u001b[31mred\u001b[0m\u0007\u202e ${'long '.repeat(100)}` })]);
  const { examples } = await serve.describe(ISSUES, OWNER_GRANT);
  const title = String(examples[0]?.[1]);
  assert.match(title, /^ \[31mred \[0m {2}long long/);
  assert.ok([...title].length <= 81, title);
});

test('what a description counts is counted again only when the table has changed', async (t) => {
  const there = await world(t);
  await there.run(ISSUES, issues(1, 20));
  await there.serve.describe(ISSUES, OWNER_GRANT);
  const started = performance.now();
  assert.equal((await there.serve.describe(ISSUES, OWNER_GRANT)).rows, 20);
  assert.ok(performance.now() - started < 20, 'nothing was asked of the engine');
  await there.run(ISSUES, [{ id: 4, updated_at: '2026-05-01T00:00:00Z', _hakiri_deleted: true }]);
  assert.equal((await there.serve.describe(ISSUES, OWNER_GRANT)).rows, 19);
  await there.write(ISSUES, [{ values: { id: 90, updated_at: '2026-05-01T00:00:00Z' } }]);
  assert.equal((await there.serve.describe(ISSUES, OWNER_GRANT)).rows, 20);
  await there.compact();
  assert.equal((await there.serve.describe(ISSUES, OWNER_GRANT)).rows, 20);
});
