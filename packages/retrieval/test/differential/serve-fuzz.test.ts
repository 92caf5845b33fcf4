import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Answer,
  isHakiriError,
  type JsonValue,
  OWNER_GRANT,
  type QueryRequest,
  quoteIdentifier,
  quoteLiteral,
  type TableSchema,
} from '@hakiri/core';
import { fuzzCount, type Random, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { leaves, randomPredicate, TEXTS } from '../../../../test/support/random-predicate.ts';
import { columns, PROJECT, pages, type Values, type World, world } from '../serve/support/world.ts';

/**
 * Random structured queries by `serve` and by plain DuckDB over the Parquet files. The latter knows nothing of
 * catalog, snapshots or views: it reads every file there is, and of each key the row with the greatest order counts.
 */
const COUNT = fuzzCount(24);
const QUERIES_A_STATE = 6;
const TABLE = 'things';
const SCHEMA = columns({
  id: 'int64',
  name: 'string',
  state: 'string',
  n: 'int32',
  big: 'int64',
  ok: 'boolean',
  day: 'date',
  at: 'timestamp',
  local: 'datetime',
  user: 'struct<login: string, age: int32>',
  updated_at: 'timestamp',
});
/** What plain SQL and a predicate mean alike: numbers with an exponent or of 40 digits are doubles there. */
const isPlain = (text: string): boolean => !/\de-?\d|\d{39}/.test(text);

const STATES: readonly (readonly [
  string,
  (there: World, random: Random, clock: Clock) => Promise<unknown>,
])[] = [
  ['after runs', (there, random, clock) => runs(there, random, clock, 3)],
  ['after a compaction', (there) => there.compact()],
  ['after more runs beside it', (there, random, clock) => runs(there, random, clock, 2)],
  ['after deletions', (there, random, clock) => deletions(there, random, clock)],
  ['after rows were deleted for good', (there, random) => there.forget(TABLE, [random.below(60)])],
  ['after another compaction', (there) => there.compact()],
  ['after the catalog was made again', (there) => there.rebuild()],
];

for (let at = 0; at * QUERIES_A_STATE * STATES.length < COUNT; at++) {
  const seed = TEST_SEED + at;
  test(`serve and DuckDB over the files agree: HAKIRI_SEED=${seed} HAKIRI_FUZZ_COUNT=1`, async (t) => {
    const random = seededRandom(seed);
    const there = await world(t, { [TABLE]: SCHEMA });
    const clock = { seconds: 0 };
    for (const [state, change] of STATES) {
      await change(there, random, clock);
      for (let query = 0; query < QUERIES_A_STATE; query++) await compare(there, random, state);
    }
  });
}

interface Clock {
  seconds: number;
}

const later = (clock: Clock): string => new Date(Date.UTC(2026, 0, 1) + 1000 * clock.seconds++).toISOString();

async function runs(there: World, random: Random, clock: Clock, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await there.run(
      TABLE,
      random.many(10 + random.below(30), () => randomRow(random, clock)),
    );
  }
}

async function deletions(there: World, random: Random, clock: Clock): Promise<void> {
  await there.run(
    TABLE,
    random.many(1 + random.below(12), () => ({
      id: random.below(60),
      updated_at: later(clock),
      _hakiri_deleted: true,
    })),
  );
}

function randomRow(random: Random, clock: Clock): Values {
  const maybe = (value: () => JsonValue): JsonValue => (random.chance(0.25) ? null : value());
  return {
    id: random.below(60),
    name: maybe(() => random.pick(TEXTS.filter((text) => text.isWellFormed()))),
    state: maybe(() => random.pick(['open', 'closed', 'a', 'A'])),
    n: maybe(() => random.pick([0, 1, -1, 2, 3, 9, 10, 100, 2147483647])),
    big: maybe(() => random.pick([0, 127, -128, 9007199254740991, 42])),
    ok: maybe(() => random.chance(0.5)),
    day: maybe(() => random.pick(['2024-01-01', '2024-02-29', '1969-12-31'])),
    at: maybe(() => random.pick(['2024-01-01T00:00:00Z', '2024-01-01T10:30:00.5Z', '2024-02-29T10:30:00Z'])),
    local: maybe(() => random.pick(['2024-01-01T00:00:00', '2024-01-02T23:59:59.999999'])),
    user: maybe(() => ({
      login: maybe(() => random.pick(['a', 'ab', 'open'])),
      age: maybe(() => random.below(5)),
    })),
    updated_at: later(clock),
  };
}

interface RandomQuery {
  readonly request: QueryRequest;
  /** The same in plain SQL over `things`. */
  readonly sql: string;
  readonly isOrdered: boolean;
}

function randomQuery(random: Random): RandomQuery {
  const paths = leaves(SCHEMA.columns);
  const select = random.chance(0.3) ? [] : random.many(1 + random.below(4), () => random.pick(paths).sql);
  const names = [...new Set(select)];
  const filter = random.chance(0.8) ? wellTyped(random, SCHEMA) : undefined;
  const orders = random.chance(0.6)
    ? random.many(1 + random.below(2), () => ({ path: random.pick(paths), down: random.chance(0.5) }))
    : [];
  const ordered = orders.filter(({ path }) => path.type.kind !== 'struct');
  const list = names.length === 0 ? SCHEMA.columns.map(({ name }) => quoteIdentifier(name)) : names;
  const orderBy = ordered.map(({ path, down }) => `${path.sql} ${down ? 'DESC' : 'ASC'} NULLS LAST`);
  return {
    request: {
      table: TABLE,
      ...(names.length === 0 ? {} : { select: names.map(pathOf) }),
      ...(filter === undefined ? {} : { filter }),
      ...(ordered.length === 0
        ? {}
        : { orderBy: ordered.map(({ path, down }) => `${pathOf(path.sql)}${down ? ' desc' : ''}`) }),
      ...(random.chance(0.7) ? { limit: 1 + random.below(20) } : {}),
      ...(random.chance(0.5) ? { cite: true } : {}),
    },
    sql: `SELECT ${list.join(', ')} FROM things${filter === undefined ? '' : ` WHERE (${filter})`}${ordered.length === 0 ? '' : ` ORDER BY ${[...orderBy, 'id'].join(', ')}`}`,
    isOrdered: ordered.length > 0,
  };
}

/** `"user"."login"` as `user.login`. */
const pathOf = (sql: string): string => sql.replaceAll('"', '');

function wellTyped(random: Random, schema: TableSchema): string {
  for (;;) {
    const text = randomPredicate(random, schema, random.below(4));
    if (isPlain(text)) return text;
  }
}

async function compare(there: World, random: Random, state: string): Promise<void> {
  for (;;) {
    const { request, sql, isOrdered } = randomQuery(random);
    const where = `${state}: ${JSON.stringify(request)}`;
    let answers: readonly Answer[];
    try {
      answers = await pages(there.ask, request);
    } catch (error) {
      assert.ok(isHakiriError(error) && error.code === 'predicate.invalid', `${where}: ${error}`);
      continue;
    }
    const expected = await plainly(there, sql);
    const rows = answers.flatMap((answer) => answer.rows);
    const comparable = (all: readonly (readonly JsonValue[])[]): unknown =>
      isOrdered ? all : all.map((row) => JSON.stringify(row)).sort();
    assert.deepEqual(comparable(rows), comparable(expected), where);
    for (const answer of answers) await checkCitations(there, request, answer, where);
    return;
  }
}

/** Every file that lies in the table's folder, whatever is known of it. */
async function plainly({ root, engine }: World, sql: string): Promise<readonly (readonly JsonValue[])[]> {
  const glob = join(root, 'context', PROJECT, 'tables', TABLE, 'data', '**', '*.parquet');
  return engine.select(`WITH things AS (
    SELECT * FROM read_parquet(${quoteLiteral(glob)}, union_by_name=true, hive_partitioning=false)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY _hakiri_order DESC) = 1 AND NOT _hakiri_deleted
  ) ${sql}`);
}

/** What is cited is there, and is the row that was given. */
async function checkCitations(
  { serve }: World,
  { cite }: QueryRequest,
  { citations, rows, columns: shown }: Answer,
  where: string,
): Promise<void> {
  if (cite !== true) return assert.equal(citations, undefined);
  assert.ok(citations?.kind === 'rows', where);
  assert.equal(citations.rows.length, rows.length, where);
  const keys = citations.rows.map(([citation]) => citation?.key ?? []);
  const select = shown.map(({ name }) => name);
  const found = await serve.get({ table: TABLE, keys, select }, OWNER_GRANT);
  for (const [i, row] of found.entries()) {
    assert.deepEqual(row?.citation, citations.rows[i]?.[0], where);
    assert.deepEqual(Object.values(row?.values ?? {}), rows[i], where);
  }
}
