import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifestFacts, policyOf, SEES_ALL, type SeenTable, seenTable } from '@hakiri/access';
import { type CatalogTable, type Grant, OWNER_GRANT, type Serve } from '@hakiri/core';
import { fuzzCount, type Random, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { type Built, buildStore } from './support/build-store.ts';
import { type Question, randomQuestion } from './support/questions.ts';
import { type Reference, type ReferenceTable, referenceOf } from './support/reference.ts';
import { PSEUDONYMS, randomScene, type Scene, withOtherPolicy } from './support/scene.ts';
import { type Side, type Told, told } from './support/told.ts';

/**
 * What somebody is told under a policy is what they are told of a store that never held anything else: by every way
 * out, in rows, order, scores, counts, pages, errors, descriptions and plans. The other store holds what a naive reading
 * of the rules leaves, and is asked by its owner.
 *
 * Where the two cannot be equal, less is asked of them:
 * - Times, names of runs, snapshots and files are of each store's own.
 * - Rows that nobody asked to be ordered come in any order: all pages together are compared.
 * - Rows whose key does not tell them, or that have none, are cited by a name that is made of run and sequence. There
 *   the names are not compared; that each finds its row, is. A table in such a store has no key.
 * - Whoever asks the other store lacks the same rights there. What is left of aggregates when small groups are taken
 *   out is compared with a statement that says so.
 * - How tables were at a run before is compared where both stores have that run, and rows can be told by a key.
 */
const QUERIES = 10;
const PAIRS = Math.min(200, Math.ceil(fuzzCount(20) / QUERIES));

test(`what is told under a policy rests on nothing that the policy keeps back: ${PAIRS} stores and policies, HAKIRI_SEED=${TEST_SEED}`, async (t) => {
  const kinds = new Map<string, number>();
  for (let i = 0; i < PAIRS; i++) {
    const seed = TEST_SEED + i;
    try {
      await comparePair(seededRandom(seed), kinds);
    } catch (error) {
      throw new Error(`failed with HAKIRI_SEED=${seed} HAKIRI_FUZZ_COUNT=1`, { cause: error });
    }
  }
  t.diagnostic(JSON.stringify(Object.fromEntries([...kinds].sort())));
});

async function comparePair(random: Random, kinds: Map<string, number>): Promise<void> {
  const [scene, reference] = someScene(random);
  const full = await buildStore(scene.tables, scene.history);
  const left = await buildStore([...reference.tables.values()], reference.history);
  try {
    await compareStores({ scene, reference, full, left }, random, kinds);
  } finally {
    await Promise.all([full.remove(), left.remove()]);
  }
}

interface Pair {
  readonly scene: Scene;
  readonly reference: Reference;
  readonly full: Built;
  readonly left: Built;
}

async function compareStores(
  { scene, reference, full, left }: Pair,
  random: Random,
  kinds: Map<string, number>,
): Promise<void> {
  const { grant } = scene;
  const common = sidesOf(scene, reference);
  const seen: Side = {
    ...common,
    serve: await full.open({ policies: policiesOf(scene), pseudonyms: PSEUDONYMS }),
    grant,
    folder: full.folder,
    runAt: (place) => full.runs.get(place),
  };
  const held: Side = {
    ...common,
    serve: await left.open({ policies: heldBy(scene, reference), pseudonyms: PSEUDONYMS }),
    grant: OWNER_GRANT,
    folder: left.folder,
    runAt: (place) => {
      const at = reference.places[place] ?? -1;
      return at === reference.places[place - 1] ? undefined : left.runs.get(at);
    },
  };
  const owner = await left.open({});
  for (let q = 0; q < QUERIES; q++) {
    const question = randomQuestion(random, scene, reference);
    try {
      const how = `${question.kind} ${await compare({ seen, held, owner, reference }, question)}`;
      kinds.set(how, (kinds.get(how) ?? 0) + 1);
    } catch (error) {
      throw new Error(JSON.stringify({ question, grant, world: scene.world }, null, 1), { cause: error });
    }
  }
}

/** A few policies cannot be compared: see `referenceOf`. */
function someScene(random: Random): readonly [Scene, Reference] {
  for (let scene = randomScene(random); ; scene = withOtherPolicy(scene, random)) {
    const reference = referenceOf(scene);
    if (reference !== undefined) return [scene, reference];
  }
}

const policiesOf =
  ({ manifest }: Scene) =>
  (table: CatalogTable, grant: Grant): SeenTable | undefined => {
    const policy = policyOf(manifestFacts(manifest)(table.name), table.schema, grant);
    return policy.kind === 'hidden' ? undefined : seenTable(table, policy, PSEUDONYMS);
  };

/**
 * The whole, and exact vectors, in the hands of somebody who has the rights that the naive reading finds. Of a table
 * that is seen whole in the other store, as much is told here.
 */
const heldBy =
  (scene: Scene, reference: Reference) =>
  (table: CatalogTable): SeenTable => {
    const whole = seenTable(table, SEES_ALL, PSEUDONYMS);
    const raw = scene.tables.find(({ name }) => name === table.name)!;
    const seen = policiesOf(scene)({ ...table, schema: raw.schema }, scene.grant);
    const { mayRead, maySearch, minGroup } = leftOf(reference, table.name)!;
    return {
      ...whole,
      isWhole: seen?.isWhole === true,
      seesAllRows: seen?.seesAllRows === true,
      canRead: mayRead && minGroup === undefined,
      canSearch: maySearch,
      minGroup,
    };
  };

function sidesOf({ tables }: Scene, reference: Reference): Pick<Side, 'isNamed' | 'isTimed'> {
  return {
    isNamed: (name) => ['hidden', 'none'].includes(leftOf(reference, name)?.key ?? 'none'),
    isTimed: (name) =>
      leftOf(reference, name)?.incremental !== undefined &&
      tables.some((table) => table.name === name && table.incremental !== undefined),
  };
}

const leftOf = ({ tables }: Reference, name: string): ReferenceTable | undefined =>
  [...tables.values()].find((table) => table.name === name);

interface Compared {
  readonly seen: Side;
  readonly held: Side;
  /** Of the other store, told everything of it. */
  readonly owner: Serve;
  readonly reference: Reference;
}

async function compare({ seen, held, owner, reference }: Compared, question: Question): Promise<string> {
  const given = await told(seen, question);
  if (reference.refusesZone) {
    assert.equal(given.error?.code, 'access.zone_refused');
    return 'refused by zone';
  }
  const tables = question.about.flatMap((name) => leftOf(reference, name) ?? []);
  if (question.kind === 'aggregates') {
    const { rows, columns } = await owner.query({ sql: question.suppressed }, OWNER_GRANT);
    assert.deepEqual(given, { said: { columns: columns.map(({ type }) => type), rows } });
    return 'equal';
  }
  const isHidden = tables.some(({ key }) => key === 'hidden');
  if (question.kind === 'query' && question.asOf !== undefined) {
    const isRun = [seen, held].every(({ runAt }) => runAt(question.asOf ?? 0) !== undefined);
    if (isHidden || !isRun) return 'not compared';
  }
  const expected = await told(held, question);
  if (question.kind === 'get' && isHidden) {
    assert.equal(given.error?.code, expected.error?.code ?? 'access.denied');
    return 'refused';
  }
  assert.deepEqual(given, expected);
  const isAllGiven = tables.every(({ minGroup }) => minGroup === undefined);
  if (question.kind === 'query' && isAllGiven && question.isSearch !== true && question.asOf === undefined) {
    await compareWithOwner(given, owner, question);
  }
  return given.error === undefined ? 'equal' : `fails alike: ${given.error.code}`;
}

/** Rows once more, as nobody's policy has any part in: not the same code said both. */
async function compareWithOwner(
  given: Told,
  owner: Serve,
  { request, isOrdered }: Extract<Question, { kind: 'query' }>,
): Promise<void> {
  if (given.said === undefined || /_hakiri/.test(JSON.stringify(request))) return;
  const { limit: _, cite: __, explain: ___, ...rows } = request;
  const all = (await owner.query(rows, OWNER_GRANT)).rows;
  const said = given.said as { pages: { rows: unknown[] }[]; rows?: string[] };
  if (isOrdered)
    assert.deepEqual(
      said.pages.flatMap((page) => page.rows),
      all,
    );
  else assert.deepEqual(said.rows, all.map((row) => JSON.stringify(row)).sort());
}
