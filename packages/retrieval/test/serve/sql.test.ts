import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, type Citation, OWNER_GRANT } from '@hakiri/core';
import { columns, ISSUES, issue, issues, type World, world } from './support/world.ts';

const PEOPLE = 'people';
const SCHEMAS = {
  [PEOPLE]: columns({ login: 'string', name: 'string' }),
  visits: columns({ page: 'string', login: 'string' }),
};

async function filled(there: World): Promise<void> {
  await there.run(ISSUES, issues(1, 30));
  await there.run(
    PEOPLE,
    ['u0', 'u1', 'u2', 'u3', 'u4'].map((login) => ({ login, name: login.toUpperCase() })),
    { primaryKey: ['login'] },
  );
  await there.run(
    'visits',
    [
      { page: '/a', login: 'u1' },
      { page: '/b', login: 'u2' },
    ],
    { mode: 'append', primaryKey: [] },
  );
}

async function resolved(there: World, { table, key, run, address }: Citation) {
  const [row] = await there.serve.get({ table, keys: [key] }, OWNER_GRANT);
  assert.ok(row, String(address));
  assert.equal(row.citation.run, run);
  return row.values;
}

function rowCitations({ citations }: Answer): readonly (readonly Citation[])[] {
  assert.ok(citations?.kind === 'rows', JSON.stringify(citations));
  return citations.rows;
}

test('each row of a plain select is cited by the rows that it was made of', async (t) => {
  const there = await world(t, SCHEMAS);
  await filled(there);
  await there.run(ISSUES, [issue(3, { title: 'changed', updated_at: '2026-05-01T00:00:00Z' })]);
  const answer = await there.ask({
    sql: `select i.title, p.name from issues i join people p on p.login = i.user.login where i.comments > 3 order by i.id`,
    cite: true,
  });
  assert.ok(answer.rows.length > 5);
  assert.deepEqual(
    answer.columns.map(({ name }) => name),
    ['title', 'name'],
  );
  for (const [i, cited] of rowCitations(answer).entries()) {
    assert.deepEqual(new Set(cited.map(({ table }) => table)), new Set([ISSUES, PEOPLE]));
    for (const citation of cited) {
      const values = await resolved(there, citation);
      if (citation.table === ISSUES) assert.equal(values.title, answer.rows[i]?.[0]);
      else assert.equal(values.name, answer.rows[i]?.[1]);
    }
  }
  const [three] = rowCitations(await there.ask({ sql: 'from issues where id = 3', cite: true }))[0] ?? [];
  assert.equal(three?.sourceTime, '2026-05-01T00:00:00Z', 'the value of the incremental column');
});

test('rows of a table without a key are cited by run and sequence', async (t) => {
  const there = await world(t, SCHEMAS);
  await filled(there);
  const answer = await there.ask({ sql: 'select page from visits order by page', cite: true });
  assert.deepEqual(answer.rows, [['/a'], ['/b']]);
  for (const [i, [citation]] of rowCitations(answer).entries()) {
    assert.ok(citation);
    assert.equal((await resolved(there, citation)).page, answer.rows[i]?.[0]);
  }
});

test('an aggregate cites each table as a whole', async (t) => {
  const there = await world(t, SCHEMAS);
  await filled(there);
  await there.compact();
  const late = await there.run(ISSUES, issues(100, 2));
  const { rows, citations } = await there.ask({
    sql: "select state, count(*) from issues where state = 'open' group by all",
    cite: true,
  });
  assert.deepEqual(rows, [['open', 22]]);
  assert.ok(citations?.kind === 'tables');
  const [cited] = citations.tables;
  assert.equal(cited?.table, ISSUES);
  assert.match(cited?.snapshot ?? '', /^\d{4}-/);
  assert.deepEqual(cited?.runs, [late]);
  assert.match(cited?.predicate ?? '', /open/);
  assert.equal(cited?.address, 'hakiri://demo/tables/issues');
});

test('`select *` leaves our own columns out, whether rows are cited or not; named, they are there', async (t) => {
  const there = await world(t, SCHEMAS);
  await filled(there);
  for (const cite of [false, true]) {
    const { columns: found } = await there.ask({ sql: 'from people', cite });
    assert.deepEqual(
      found.map(({ name }) => name),
      ['login', 'name'],
    );
  }
  const { rows } = await there.ask({ sql: 'select max(_hakiri_seq) from people' });
  assert.deepEqual(rows, [[4]]);
});

test('how old what was read is, by table', async (t) => {
  const there = await world(t, SCHEMAS);
  await filled(there);
  const { freshness } = await there.ask({ sql: 'select count(*) from issues, people' });
  assert.deepEqual(freshness?.map(({ table }) => table).sort(), [ISSUES, PEOPLE]);
});

test('a search says which build has it', async (t) => {
  const there = await world(t, SCHEMAS);
  await filled(there);
  await assert.rejects(there.ask({ table: ISSUES, search: { text: 'x' } }), {
    code: 'query.no_index',
    message: /This build/,
  });
});
