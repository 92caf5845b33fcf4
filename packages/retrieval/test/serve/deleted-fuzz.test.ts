import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OWNER_GRANT, type QueryRequest } from '@hakiri/core';
import { fuzzCount, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { ISSUES, issues, pages, type World, world } from './support/world.ts';

const COUNT = Math.min(fuzzCount(4), 1000);
const ROWS_A_WORLD = 40;

test(`a deleted row is absent at once wherever one looks: ${COUNT} times, HAKIRI_SEED=${TEST_SEED}`, async (t) => {
  const random = seededRandom(TEST_SEED);
  let there: World | undefined;
  let alive: number[] = [];
  for (let i = 0; i < COUNT; i++) {
    if (there === undefined || alive.length < ROWS_A_WORLD / 2) {
      there = await world(t, {}, true);
      await there.run(ISSUES, issues(1, ROWS_A_WORLD));
      if (random.chance(0.5)) await there.compact();
      alive = issues(1, ROWS_A_WORLD).map(({ id }) => Number(id));
    }
    const started = await begun(there);
    const id = random.pick(alive.filter((one) => !started.seen.has(one)));
    alive = alive.filter((one) => one !== id);
    await remove(there, id, random.below(3), i);
    await assertGone(there, id, alive, started);
  }
});

interface Begun {
  readonly request: QueryRequest;
  readonly next: string;
  readonly seen: ReadonlySet<number>;
}

/** An answer of which only the first rows have been read. */
async function begun({ ask }: World): Promise<Begun> {
  const request: QueryRequest = { table: ISSUES, select: ['id'], orderBy: ['id'], limit: 5 };
  const { rows, next = '' } = await ask(request);
  return { request, next, seen: new Set(rows.map(([id]) => Number(id))) };
}

/** By a run, by a small write, or for good. */
async function remove({ run, write, forget }: World, id: number, way: number, i: number): Promise<void> {
  const updated_at = new Date(Date.UTC(2026, 1, 1) + 1000 * i).toISOString();
  if (way === 0) await run(ISSUES, [{ id, updated_at, _hakiri_deleted: true }]);
  else if (way === 1) await write(ISSUES, [{ delete: { id } }]);
  else await forget(ISSUES, [id]);
}

async function assertGone(there: World, id: number, alive: readonly number[], { request, next }: Begun) {
  const { ask, serve, root } = there;
  const where = `row ${id}`;
  const { rows } = await ask({ sql: 'select id from issues order by id' });
  assert.deepEqual(
    rows.map(([one]) => one),
    alive,
    where,
  );
  const { rows: filtered, citations } = await ask({ table: ISSUES, filter: `id = ${id}`, cite: true });
  assert.deepEqual(filtered, [], where);
  assert.deepEqual(citations, { kind: 'rows', rows: [] }, where);
  assert.deepEqual(await serve.get({ table: ISSUES, keys: [[id]] }, OWNER_GRANT), [undefined], where);
  for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
    const search = { text: `title ${id}`, mode, k: ROWS_A_WORLD };
    const { rows: found } = await ask({ table: ISSUES, select: ['id'], search });
    const ids = found.map(([one]) => Number(one)).sort((a, b) => a - b);
    assert.deepEqual(ids, alive, `${where}, ${mode}: every title has the word`);
    const { rows: joined } = await ask({
      sql: 'select id from hits',
      search: { hits: { table: ISSUES, ...search, filter: `id = ${id}` } },
    });
    assert.deepEqual(joined, [], where);
  }
  const output = join(root, 'cache', 'export.ndjson');
  await serve.export({ kind: 'rows', rows: { table: ISSUES }, format: 'ndjson', output }, OWNER_GRANT);
  const exported = readFileSync(output, 'utf8').trim().split('\n');
  assert.deepEqual(
    exported.map((line) => (JSON.parse(line) as { id: number }).id).sort((a, b) => a - b),
    alive,
    where,
  );
  const rest = await pages(ask, { ...request, next }).catch((error: { code?: string }) => {
    assert.equal(error.code, 'query.next_invalid', where);
    return [];
  });
  for (const { rows: page } of rest) assert.ok(!page.some(([one]) => one === id), where);
}
