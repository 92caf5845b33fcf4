import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fuzzCount, type Random, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { testEngine } from '../../../engine/test/support/engine.ts';
import {
  columnEffects,
  manifestFacts,
  policyOf,
  pseudonymsOf,
  type SeenTable,
  seenTable,
} from '../../src/index.ts';
import { leafPaths } from '../../src/policy/paths.ts';
import { type Naive, naive } from './naive.ts';
import { type Case, randomCase, rowsSql, TABLE } from './support/random-case.ts';

const engine = testEngine();
after(() => engine.close());

const KEYS = pseudonymsOf(Buffer.alloc(32, 7));
const COUNT = fuzzCount(400);
/** Of so many cases one goes through the engine, too. */
const ENGINE_EVERY = 8;

function seen({ manifest, schema, grant }: Case): SeenTable | undefined {
  const policy = policyOf(manifestFacts(manifest)(TABLE), schema, grant);
  return policy.kind === 'hidden' ? undefined : seenTable({ schema, primaryKey: ['id'] }, policy, KEYS);
}

function answered(table: SeenTable | undefined, { rows }: Case): Naive {
  if (table === undefined) return 'hidden';
  const left = rows.flatMap((row) => {
    const values = table.row(row);
    return values === undefined ? [] : [table.isWhole ? { ...values } : values];
  });
  return { columns: table.schema.columns, rows: left, minGroup: table.minGroup };
}

/** Of which `policy explain` says that they are served. */
function toldPaths({ manifest, schema, grant }: Case): readonly string[] {
  const policy = policyOf(manifestFacts(manifest)(TABLE), schema, grant);
  if (policy.kind === 'hidden') return [];
  return columnEffects(schema, policy.columns)
    .filter(({ effect }) => effect !== 'deny')
    .map(({ path }) => path);
}

async function each(check: (random: Random, i: number) => Promise<void> | void): Promise<void> {
  for (let i = 0; i < COUNT; i++) {
    const seed = TEST_SEED + i;
    try {
      await check(seededRandom(seed), i);
    } catch (error) {
      throw new Error(`failed with HAKIRI_SEED=${seed} HAKIRI_FUZZ_COUNT=1`, { cause: error });
    }
  }
}

test(`what is left of ${COUNT} random tables to random grants is what a naive reading of the rules leaves, and what the engine gives`, async () => {
  const kinds = { hidden: 0, rowsHeldBack: 0, changed: 0, whole: 0 };
  await each(async (random, i) => {
    const made = randomCase(random);
    const table = seen(made);
    const ours = answered(table, made);
    const theirs = naive(made.world, TABLE, made.schema, made.rows, made.grant, KEYS);
    assert.deepEqual(ours, theirs);
    if (table === undefined || ours === 'hidden') {
      kinds.hidden++;
      return;
    }
    assert.deepEqual(
      toldPaths(made),
      leafPaths(table.schema.columns),
      'who asks is told of the columns that are served',
    );
    kinds.rowsHeldBack += ours.rows.length < made.rows.length ? 1 : 0;
    kinds.changed += table.acted.length > 0 ? 1 : 0;
    kinds.whole += table.isWhole ? 1 : 0;
    if (i % ENGINE_EVERY > 0 && COUNT > 1) return;
    const sql = table.select(rowsSql(made.schema, made.rows), { passing: [], isBarrier: random.chance(0.5) });
    const given = await engine.select(sql);
    const names = ours.columns.map(({ name }) => name);
    const expected = ours.rows.map((row) =>
      names.length === 0 ? [null] : names.map((name) => row[name] ?? null),
    );
    assert.deepEqual(given, expected, sql);
  });
  if (COUNT >= 300)
    for (const [kind, count] of Object.entries(kinds)) assert.ok(count > COUNT / 100, `${kind}: ${count}`);
});
