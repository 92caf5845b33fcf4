import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, OWNER_GRANT, type QueryRequest } from '@hakiri/core';
import { columns, ISSUES, issue, issues, pages, type World, world } from './support/world.ts';

const ids = (answers: readonly Answer[]): unknown[] => answers.flatMap(({ rows }) => rows.map(([id]) => id));

/** Everything that may happen to a table while somebody reads it page by page; no row is deleted. */
async function busy({ run, write, compact, fold }: World, page: number): Promise<void> {
  const later = `2026-02-01T00:00:${String(page).padStart(2, '0')}Z`;
  switch (page % 5) {
    case 1:
      return void (await run(ISSUES, [...issues(1000 + page * 10, 5), issue(page, { updated_at: later })]));
    case 2:
      return write(ISSUES, [{ values: { id: 2000 + page, title: 'small', updated_at: later } }]);
    case 3:
      return compact();
    case 4:
      return fold(ISSUES);
    default:
      return write(ISSUES, [{ values: { id: page, title: 'again', updated_at: later } }]);
  }
}

const REQUESTS: readonly QueryRequest[] = [
  { table: ISSUES, select: ['id'], orderBy: ['comments desc'], limit: 7 },
  { table: ISSUES, select: ['id'], limit: 7, filter: "state = 'open'", cite: true },
  { sql: 'select id, comments from issues', limit: 7 },
  { sql: 'select id from issues order by comments', limit: 7, cite: true },
  { sql: 'select i.id, j.id from issues i join issues j on i.comments = j.comments', limit: 60 },
];

for (const request of REQUESTS) {
  test(`pages fit together while others commit: ${JSON.stringify(request)}`, async (t) => {
    const there = await world(t);
    await there.run(ISSUES, issues(1, 60));
    await there.write(ISSUES, [{ values: { id: 61, title: 'small', updated_at: '2026-01-02T00:00:00Z' } }]);
    const { limit, ...whole } = request;
    const { rows: before } = await there.ask(whole as QueryRequest);
    const answers = await pages(there.ask, request, (page) => busy(there, page));
    assert.ok(answers.length > 5, `${answers.length} pages`);
    const read = answers.flatMap(({ rows }) => rows);
    const text = (rows: Answer['rows']): string[] => rows.map((row) => JSON.stringify(row)).sort();
    assert.deepEqual(text(read), text(before));
    for (const { citations, rows } of answers) {
      if (request.cite) assert.equal(citations?.kind === 'rows' && citations.rows.length, rows.length);
    }
  });
}

test('an answer that is cut at its bytes goes on where it was cut', async (t) => {
  const { ask, run } = await world(t);
  const body = 'lorem ipsum '.repeat(40);
  await run(
    ISSUES,
    issues(1, 800).map((row) => ({ ...row, title: `${row.id} ${body}` })),
  );
  const answers = await pages(ask, { table: ISSUES, select: ['id', 'title'], maxBytes: 60_000 });
  assert.ok(answers.length >= 6);
  for (const { rows } of answers) assert.ok(JSON.stringify(rows).length <= 61_000);
  assert.equal(new Set(ids(answers)).size, 800);
  assert.equal(ids(answers).length, 800);
});

test('a row that is deleted meanwhile is not in the rest', async (t) => {
  const there = await world(t);
  let day = 0;
  const later = (): { readonly updated_at: string } => ({
    updated_at: `2026-03-${String(++day).padStart(2, '0')}T00:00:00Z`,
  });
  for (const request of REQUESTS.slice(0, 4)) {
    const written = later();
    await there.run(
      ISSUES,
      issues(1, 40).map((row) => ({ ...row, ...written })),
    );
    const first = await there.ask(request);
    const { limit, ...whole } = request;
    const all = ids([await there.ask(whole as QueryRequest)]);
    const seen = ids([first]);
    const gone = all
      .filter((id) => !seen.includes(id))
      .slice(5, 9)
      .map(Number);
    const deleted = later();
    await there.run(
      ISSUES,
      gone.map((id) => ({ id, ...deleted, _hakiri_deleted: true })),
    );
    const rest = await pages(there.ask, { ...request, next: first.next ?? '' });
    const expected = all.filter((id) => !seen.includes(id) && !gone.includes(Number(id)));
    assert.deepEqual(ids(rest).sort(), expected.sort(), JSON.stringify(request));
  }
});

test('a continuation ends where what it continues was deleted for good', async (t) => {
  const { ask, run, forget } = await world(t);
  await run(ISSUES, issues(1, 30));
  const { next = '' } = await ask({ table: ISSUES, limit: 5 });
  await forget(ISSUES, [20]);
  await assert.rejects(ask({ table: ISSUES, limit: 5, next }), { code: 'query.next_invalid' });
  const { rows } = await ask({ table: ISSUES });
  assert.equal(rows.length, 29);
});

test('a continuation is good for its own request, and cannot be forged', async (t) => {
  const there = await world(t, { visits: columns({ page: 'string' }) });
  await there.run(ISSUES, issues(1, 30));
  const request = { table: ISSUES, select: ['id'], limit: 5 };
  const { next = '' } = await there.ask(request);
  const bytes = Buffer.from(next, 'base64url');
  const flipped = [0, 11, 12, bytes.length >> 1, bytes.length - 16, bytes.length - 1].map((at) => {
    const forged = Buffer.from(bytes);
    forged[at] = (forged[at] ?? 0) ^ 1;
    return forged.toString('base64url');
  });
  const cut = bytes.subarray(0, -1).toString('base64url');
  for (const bad of [...flipped, `${next}x`, `${next}=`, cut, '', 'x', '.', 'a'.repeat(100_000)]) {
    await assert.rejects(
      there.ask({ ...request, next: bad }),
      { code: 'query.next_invalid' },
      bad.slice(0, 80),
    );
  }
  await assert.rejects(there.ask({ ...request, filter: 'id > 3', next }), { code: 'query.next_invalid' });
  await assert.rejects(
    there.serve.query({ ...request, next }, { ...OWNER_GRANT, digest: 'of somebody else' }),
    {
      code: 'query.next_invalid',
    },
  );
  const larger = await there.ask({ ...request, limit: 9, next });
  assert.equal(larger.rows.length, 9, 'how many at once is free');
  const other = await (await there.reopen()).query({ ...request, next }, OWNER_GRANT);
  assert.deepEqual(other.rows, larger.rows.slice(0, 5), 'another process reads it as well');
});

test('a row that is larger than an answer may be is an error, not an empty page', async (t) => {
  const { ask, run } = await world(t);
  await run(ISSUES, [issue(1, { title: 'x'.repeat(5000) })]);
  await assert.rejects(ask({ table: ISSUES, maxBytes: 1000 }), { code: 'query.too_large' });
});

test('a question about the past is continued in the past', async (t) => {
  const there = await world(t);
  const first = await there.run(ISSUES, issues(1, 30));
  await there.run(ISSUES, [{ id: 9, updated_at: '2026-03-02T00:00:00Z', _hakiri_deleted: true }]);
  const request = { table: ISSUES, select: ['id'], limit: 8, asOf: { run: first } };
  const answers = await pages(there.ask, request, (page) => busy(there, page));
  assert.deepEqual(new Set(ids(answers)), new Set(issues(1, 30).map(({ id }) => id)));
});
