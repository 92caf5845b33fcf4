import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Embedder,
  HakiriError,
  type IndexSpec,
  OWNER_GRANT,
  type QueryRequest,
  type TableName,
} from '@hakiri/core';
import { openStore } from '@hakiri/store';
import { hashingEmbedder } from '../../src/embed/index.ts';
import { createServe } from '../../src/index.ts';
import { ISSUE_INDEXES, indexed } from './support/indexed.ts';
import { ISSUES, issue, issues, pages, type World, world } from './support/world.ts';

const HYBRID: QueryRequest = { table: ISSUES, select: ['id'], search: { text: 'title', k: 8 } };

/** The built-in model behind an endpoint that can be down, and that counts what it is asked. */
function endpoint() {
  const model = hashingEmbedder();
  const state = { isDown: false, questions: 0 };
  const embedder: Embedder = {
    ...model,
    embed: async (texts, options) => {
      if (state.isDown) throw new HakiriError('embedding.unreachable', 'The endpoint does not answer');
      if (options.purpose === 'query') state.questions++;
      return model.embed(texts, options);
    },
  };
  return { state, embedder };
}

test('a model that is down fails a search that needs it, and says what goes on without', async (t) => {
  const { state, embedder } = endpoint();
  const { run, ask } = await world(t, {}, { embedder });
  await run(ISSUES, issues(1, 20));
  state.isDown = true;
  await assert.rejects(ask(HYBRID), { code: 'embedding.unreachable', hint: /mode "keyword"/ });
  const { rows } = await ask({ ...HYBRID, search: { text: 'title', mode: 'keyword', k: 8 } });
  assert.equal(rows.length, 8);
});

test('a question is embedded once, however often it is asked', async (t) => {
  const { state, embedder } = endpoint();
  const { run, ask } = await world(t, {}, { embedder });
  await run(ISSUES, issues(1, 20));
  await pages(ask, { ...HYBRID, limit: 3 });
  await ask({ ...HYBRID, filter: 'id > 4' });
  assert.equal(state.questions, 1);
  await ask({ ...HYBRID, search: { text: 'another', k: 8 } });
  assert.equal(state.questions, 2);
});

/** `serve` over an engine that does something between a search and what follows it. */
async function disturbed(there: World, after: () => Promise<unknown>) {
  let searches = 0;
  const engine = {
    ...there.engine,
    read: async <T>(...asked: Parameters<World['engine']['read']>): Promise<T> => {
      const answer = await there.engine.read<T>(...asked);
      if (asked[0] === 'search') {
        searches++;
        await after();
      }
      return answer;
    },
  };
  const store = await openStore(there.options);
  const { search } = indexed(there.root, there.engine);
  const serve = createServe({ store, engine, notes: new Map(), search });
  return { serve, searches: () => searches };
}

test('a row that changes between being found and being read is searched for again', async (t) => {
  const there = await world(t, {}, true);
  await there.run(ISSUES, [issue(1, { title: 'a cat' }), issue(2, { title: 'a cat, too' })]);
  let turn = 0;
  const { serve, searches } = await disturbed(there, async () => {
    if (turn++ > 0) return;
    await there.run(ISSUES, [issue(1, { title: 'a dog', updated_at: '2026-06-01T00:00:00Z' })]);
  });
  t.after(() => serve.close());
  const request: QueryRequest = {
    table: ISSUES,
    select: ['id', 'title'],
    search: { text: 'cat', mode: 'keyword' },
  };
  assert.deepEqual((await serve.query(request, OWNER_GRANT)).rows, [[2, 'a cat, too']]);
  assert.equal(searches(), 2);
});

test('a row that never rests is given as it was when it was found', async (t) => {
  const there = await world(t, {}, true);
  await there.run(ISSUES, [issue(1, { title: 'a cat' })]);
  let turn = 0;
  const { serve, searches } = await disturbed(there, () =>
    there.run(ISSUES, [issue(1, { title: `cat ${turn}`, updated_at: `2026-06-01T00:00:0${turn++}Z` })]),
  );
  t.after(() => serve.close());
  const { rows } = await serve.query(
    { table: ISSUES, select: ['title'], search: { text: 'cat', mode: 'keyword' } },
    OWNER_GRANT,
  );
  assert.deepEqual(rows, [['cat 1']]);
  assert.equal(searches(), 3);
});

test('a time of which the index does not hold everything names the oldest that it does', async (t) => {
  const specs: Record<string, readonly IndexSpec[]> = {};
  const there = await world(t, {}, { specs });
  const first = await there.run(ISSUES, issues(1, 10));
  specs[ISSUES] = ISSUE_INDEXES;
  const second = await there.run(ISSUES, issues(11, 10));
  const at = async (run: typeof first) => (await there.ask({ ...HYBRID, asOf: { run } })).rows;
  for (const run of [first, second]) {
    await assert.rejects(at(run), { code: 'query.as_of_gone', hint: /No earlier time/ });
  }
  await there.compact();
  const third = await there.run(ISSUES, issues(21, 10));
  assert.equal((await at(third)).length, 8);
  assert.equal((await at(second)).length, 8, 'the snapshot is what the table was then');
  const store = await openStore(there.options);
  const runs = await store.catalog.runs(ISSUES as TableName);
  await store.close();
  const oldest = runs.find(({ run }) => run === second)?.committed_at;
  await assert.rejects(at(first), { code: 'query.as_of_gone', details: { oldest } });
});

test('pages of a SELECT over a search fit together while others commit', async (t) => {
  const there = await world(t, {}, true);
  await there.run(ISSUES, issues(1, 40));
  await there.write(ISSUES, [
    { values: { id: 41, title: 'title small', updated_at: '2026-02-01T00:00:00Z' } },
  ]);
  const request: QueryRequest = {
    sql: 'select i.id, h._rank from hits h join issues i using (id)',
    search: {
      hits: {
        table: ISSUES,
        text: 'title',
        mode: 'keyword',
        k: 30,
        in: { id: 'select id from issues where id > 5' },
      },
    },
  };
  const whole = await there.ask(request);
  const answers = await pages(there.ask, { ...request, limit: 4 }, async (page) => {
    const row = { title: 'title title', updated_at: `2026-07-01T00:00:${String(page).padStart(2, '0')}Z` };
    if (page % 2 === 0) await there.run(ISSUES, [issue(100 + page, row), issue(page, row)]);
    else await there.write(ISSUES, [{ values: { id: 200 + page, ...row } }]);
    if (page === 3) await there.compact();
  });
  const sorted = (rows: readonly (readonly unknown[])[]) => rows.map((row) => row.join()).sort();
  assert.deepEqual(sorted(answers.flatMap(({ rows }) => rows)), sorted(whole.rows));
});
