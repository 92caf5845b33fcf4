import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type CatalogTable,
  type Grant,
  isHakiriError,
  OWNER_GRANT,
  type QueryPlan,
  type QueryRequest,
  type SearchMode,
  type Serve,
} from '@hakiri/core';
import { fuzzCount, type Random, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { visibleIndexes } from '../../src/serve/visible-indexes.ts';
import { type Values, type World, world } from '../serve/support/world.ts';
import {
  COLUMNS,
  modestly,
  policies,
  question,
  SPECS,
  someFilter,
  someGrant,
  TICKETS,
  ticket,
} from './support/tickets.ts';

const COUNT = Math.min(fuzzCount(3), 500);
const QUERIES = 12;
const ROWS = 60;

/** Rows of each commit that are still there; the last is one of small writes. */
type Commits = readonly (readonly Values[])[];

/** Every search under a policy beside the same one over a table that never held anything else. */
test(`a search under a policy is one of what the policy leaves: ${COUNT} times, HAKIRI_SEED=${TEST_SEED}`, async (t) => {
  const random = seededRandom(TEST_SEED);
  const there = await world(t, { [TICKETS]: COLUMNS }, { specs: { [TICKETS]: SPECS } });
  const commits = await writeAll(there, random);
  const serve = await there.reopen({ policies });
  for (let i = 0; i < COUNT; i++) {
    const grant = someGrant(random);
    const left = await leftOf(t, commits, grant);
    for (let q = 0; q < QUERIES; q++) {
      const request = someRequest(random);
      const where = `${JSON.stringify(grant.restrictions)} ${JSON.stringify(request)}`;
      assert.deepEqual(await told(serve, request, grant), await told(left, request, OWNER_GRANT), where);
    }
  }
});

async function writeAll({ run, write, compact }: World, random: Random): Promise<Commits> {
  const commits: Values[][] = [];
  const commit = (rows: Values[]): Values[] => {
    const ids = new Set(rows.map(({ id }) => id));
    commits.forEach((before, i) => {
      commits[i] = before.filter(({ id }) => !ids.has(id));
    });
    commits.push(rows);
    return rows;
  };
  await run(TICKETS, commit(random.many(ROWS, (id) => ticket(random, id))));
  await run(TICKETS, commit(random.many(ROWS / 2, (i) => ticket(random, i * 3))));
  if (random.chance(0.5)) await compact();
  const small = commit(random.many(ROWS / 4, (i) => ticket(random, i * 7)));
  await write(
    TICKETS,
    small.map((values) => ({ values })),
  );
  return commits;
}

/** A store of what the grant sees and nothing else. */
async function leftOf(t: TestContext, commits: Commits, grant: Grant): Promise<Serve> {
  const shape = {
    name: TICKETS,
    schema: COLUMNS,
    mode: 'merge',
    primaryKey: ['id'],
  } as unknown as CatalogTable;
  const seen = policies(shape, grant);
  assert.ok(seen);
  const specs = visibleIndexes(SPECS, COLUMNS, seen);
  const there = await world(t, { [TICKETS]: seen.schema }, { specs: { [TICKETS]: specs } });
  const [small = [], ...runs] = commits
    .map((rows) => rows.map((row) => seen.row(row)).filter((row) => row !== undefined))
    .toReversed();
  // A table is there before it has rows.
  const first = { ...seen.row(commits[0]![0]!), ...noRow(seen.schema.columns.map(({ name }) => name)) };
  await there.run(TICKETS, [first]);
  await there.run(TICKETS, [{ id: 'nobody', _hakiri_deleted: true }]);
  for (const rows of runs.toReversed()) if (rows.length > 0) await there.run(TICKETS, rows);
  if (small.length > 0) {
    await there.write(
      TICKETS,
      small.map((values) => ({ values })),
    );
  }
  return there.reopen({ policies: modestly(seen) });
}

const noRow = (columns: readonly string[]): Values =>
  Object.fromEntries(columns.map((name) => [name, name === 'id' ? 'nobody' : null]));

function someRequest(random: Random): QueryRequest {
  const mode = random.pick<SearchMode | undefined>(['keyword', 'vector', 'hybrid', undefined]);
  const search = {
    text: question(random),
    k: 1 + random.below(20),
    ...(mode === undefined ? {} : { mode }),
    ...(random.chance(0.3) ? { indexes: [random.pick(['words', 'near', 'whole'])] } : {}),
  };
  const filter = random.chance(0.4) ? { filter: someFilter(random) } : {};
  if (random.chance(0.25)) {
    const sql = random.pick([
      'select * from hits order by _rank',
      'select h._rank, h._score, t.* from hits h join tickets t using (id) order by 1',
      'select count(*), max(_score) from hits',
    ]);
    const chosen = random.chance(0.3) ? { in: { id: 'select id from tickets where size < 50' } } : {};
    return { sql, search: { hits: { table: TICKETS, ...search, ...filter, ...chosen } }, explain: true };
  }
  return {
    table: TICKETS,
    search,
    ...filter,
    ...(random.chance(0.2) ? { orderBy: [random.pick(['size desc', 'team', 'id', 'title'])] } : {}),
    ...(random.chance(0.3)
      ? { select: ['id', random.pick(['title', 'body', 'team', 'mail']), '_score'] }
      : {}),
    ...(random.chance(0.2) ? { limit: 1 + random.below(4) } : {}),
    explain: true,
  };
}

/** All of an answer but times, runs and what the policy itself says of it. */
async function told(serve: Serve, request: QueryRequest, grant: Grant): Promise<unknown> {
  try {
    const { columns, rows, truncated, plan, freshness, next } = await serve.query(request, grant);
    return {
      columns,
      rows,
      truncated,
      isContinued: next !== undefined,
      plan: plan && withoutTimes(plan),
      indexes: freshness?.map((one) => one.indexes),
    };
  } catch (error) {
    assert.ok(isHakiriError(error), String(error));
    return { code: error.code, message: error.message, hint: error.hint };
  }
}

function withoutTimes({ elapsedMs: _, steps, ...plan }: QueryPlan): unknown {
  return { ...plan, ...(steps === undefined ? {} : { steps: steps.map(withoutTimes) }) };
}
