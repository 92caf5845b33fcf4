import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Grant, isHakiriError, type JsonValue, type QueryRequest, type Serve } from '@hakiri/core';
import { fuzzCount, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { HOSTILE_SQL } from './support/hostile-sql.ts';
import { ALL_OF_IT, leftTo, NARROW, peopled, served, WHOLE_FILE } from './support/people.ts';

const COUNT = Math.min(fuzzCount(30), HOSTILE_SQL.length);

let serve: Serve;
let left: Serve;
before(async () => {
  ({ serve } = await served(await peopled(WHOLE_FILE)));
  ({ serve: left } = await served(await leftTo(WHOLE_FILE, NARROW)));
});

const VALUES = /HIDDEN\d|SECRET\d|PIN1234|@example/;
const HIDDEN = new RegExp(`${VALUES.source}|_hakiri_`);

test(`${COUNT} of ${HOSTILE_SQL.length} hostile texts tell a narrow grant what a store of its own would: HAKIRI_SEED=${TEST_SEED}`, async () => {
  assert.ok(HOSTILE_SQL.length >= 200);
  const random = seededRandom(TEST_SEED);
  const texts = [...HOSTILE_SQL];
  for (let i = 0; i < COUNT; i++) {
    const [sql = ''] = texts.splice(random.below(texts.length), 1);
    const cite = random.chance(0.3);
    const request = { sql, ...(cite ? { cite } : {}) };
    const told = await answered(serve, request, NARROW);
    assert.doesNotMatch(JSON.stringify(told), sql.includes('_hakiri') ? VALUES : HIDDEN, sql);
    assert.deepEqual(told, await answered(left, request, ALL_OF_IT), sql);
  }
});

/** All that an answer or an error tells, but for times and runs. */
async function answered(serve: Serve, request: QueryRequest, grant: Grant): Promise<unknown> {
  try {
    const { columns, rows, truncated, citations } = await serve.query(request, grant);
    return { columns, rows: inOrder(rows), truncated, cited: citations && citedKeys(citations) };
  } catch (error) {
    assert.ok(isHakiriError(error), String(error));
    const { code, message, hint, details } = error;
    return { code, message, hint, details };
  }
}

/** The order in which rows come where none was asked for is the engine's. */
function inOrder(rows: readonly (readonly JsonValue[])[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

type Citations = NonNullable<Awaited<ReturnType<Serve['query']>>['citations']>;

/** Of tables with a key: names of other rows are of their runs. */
function citedKeys(citations: Citations): unknown {
  if (citations.kind === 'tables') return citations.tables.map(({ table, predicate }) => [table, predicate]);
  const keyed = citations.rows.map((row) =>
    row.map(({ table, key }) => (key.length === 1 && typeof key[0] === 'number' ? [table, key] : table)),
  );
  return inOrder(keyed as never);
}
