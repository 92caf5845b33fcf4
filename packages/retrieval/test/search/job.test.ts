import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type ErrorCode, isHakiriError, type JsonValue } from '@hakiri/core';
import { hashingEmbedder } from '../../src/embed/index.ts';
import { encodeVector, type SearchAnswer, type SearchRequest } from '../../src/search/index.ts';
import { ALIVE_ROWS } from '../../src/sets/place-columns.ts';
import {
  filesBelow,
  type IndexedWorld,
  indexedWorld,
  note,
  TEXT,
  VECTOR,
} from '../indexes/support/indexed-world.ts';
import { random } from '../vector/support/vectors.ts';

const WORDS = 'river mountain harbour lantern copper violin winter engine garden letter'.split(' ');

function someNotes(from: number, count: number) {
  const next = random(from + 1);
  const word = () => WORDS[Math.floor(next() * WORDS.length)]!;
  return Array.from({ length: count }, (_, i) => note(from + i, word(), `${word()} ${word()} ${word()}`));
}

async function ask(world: IndexedWorld, request: Partial<SearchRequest>): Promise<SearchAnswer> {
  const whole: SearchRequest = {
    table: await world.indexes.indexedTable(await world.table()),
    mode: 'keyword',
    text: 'river',
    k: 10,
    allowed: { seesAll: true, where: undefined },
    explain: false,
    ...request,
  };
  return world.engine.read<SearchAnswer>('search', whole, { timeoutMs: undefined });
}

const fails = (code: ErrorCode) => (error: unknown) => isHakiriError(error) && error.code === code;

test('a search in one table', async (t) => {
  const world = await indexedWorld(t);
  await world.run(someNotes(0, 400));

  await t.test(
    'hybrid scores are sums of reciprocal ranks in lists of fifty, and say both ranks',
    async () => {
      const keyword = (await world.search('violin winter', { mode: 'keyword', k: 50 })).hits.map(
        ({ key }) => key[0]!,
      );
      const vector = (await world.search('violin winter', { mode: 'vector', k: 50 })).hits.map(
        ({ key }) => key[0]!,
      );
      const { hits } = await world.search('violin winter', { mode: 'hybrid', k: 10 });
      // The model knows words only.
      const weighted: readonly (readonly [readonly JsonValue[], number])[] = [
        [keyword, 1],
        [vector, 1 / 3],
      ];
      const rankIn = (list: readonly JsonValue[], id: JsonValue) => list.indexOf(id) + 1 || undefined;
      const scoreOf = (id: JsonValue) =>
        weighted.reduce(
          (sum, [list, weight]) => sum + (list.includes(id) ? weight / (60 + rankIn(list, id)!) : 0),
          0,
        );
      const ids = [...new Set([...keyword, ...vector])] as number[];
      const expected = ids.sort((a, b) => scoreOf(b) - scoreOf(a) || a - b).slice(0, 10);
      assert.deepEqual(
        hits.map(({ key }) => key[0]),
        expected,
      );
      for (const { key, score, keywordRank, vectorRank } of hits) {
        assert.ok(Math.abs(score - scoreOf(key[0]!)) < 1e-12);
        assert.equal(keywordRank, rankIn(keyword, key[0]!));
        assert.equal(vectorRank, rankIn(vector, key[0]!));
      }
    },
  );

  await t.test('a filter holds before the search, so that k rows are k allowed rows', async () => {
    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      const { hits } = await world.search('river', { mode, k: 20, where: "part = 'p1' AND id >= 200" });
      assert.equal(hits.length, 20);
      assert.ok(hits.every(({ key }) => Number(key[0]) >= 200 && Number(key[0]) % 2 === 1));
    }
  });

  await t.test('the plan tells estimated and real rows and times of every step', async () => {
    const vector = encodeVector(new Float32Array(384).fill(1));
    const { plan } = await ask(world, {
      mode: 'hybrid',
      vector,
      explain: true,
      allowed: { seesAll: true, where: 'id < 40' },
    });
    assert.ok(plan);
    assert.deepEqual(
      plan.steps?.map(({ step }) => step),
      ['open', 'allowed rows', 'keyword', 'vector exact', 'best'],
    );
    const [, allowed, , exact] = plan.steps!;
    assert.deepEqual([allowed?.estimatedRows, allowed?.rows], [400, 40]);
    assert.deepEqual([exact?.estimatedRows, exact?.rows], [40, 40]);
    assert.ok(plan.steps!.every(({ elapsedMs }) => elapsedMs !== undefined));
  });

  await t.test('requests that cannot be answered are refused, with what is wrong', async () => {
    for (const k of [0, 1001, 1.5]) await assert.rejects(ask(world, { k }), fails('query.invalid'));
    await assert.rejects(ask(world, { indexes: ['word'] }), (error) => {
      assert.ok(isHakiriError(error) && error.code === 'query.no_index');
      assert.match(error.hint, /words/);
      return true;
    });
    await assert.rejects(
      ask(world, { mode: 'vector', vector: encodeVector(new Float32Array(100)) }),
      fails('embedding.dimension'),
    );
    await assert.rejects(
      ask(world, { mode: 'vector', vector: encodeVector(new Float32Array(384).fill(Number.NaN)) }),
      fails('query.invalid'),
    );
    world.declare([TEXT]);
    await assert.rejects(
      ask(world, { mode: 'vector', vector: encodeVector(new Float32Array(384)) }),
      fails('query.no_index'),
    );
    world.declare([TEXT, VECTOR]);
  });

  await t.test('a query without a direction finds nothing by its vector', async () => {
    const { hits } = await ask(world, { mode: 'vector', vector: encodeVector(new Float32Array(384)) });
    assert.deepEqual(hits, []);
  });
});

test('an answer is the same before and after small writes are folded and parts are merged', async (t) => {
  const world = await indexedWorld(t);
  await world.run(someNotes(0, 120));
  await world.run([...someNotes(60, 120), ...someNotes(0, 5)]);
  await world.write(someNotes(500, 20).map((values) => ({ values })));
  const answers = async () => {
    const found: unknown[] = [];
    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      for (const text of ['river', 'copper lantern', 'engine garden letter']) {
        const { hits } = await world.search(text, { mode, k: 25 });
        found.push(hits.map(({ key, score }) => [key[0], score]));
      }
    }
    return found;
  };
  const before = await answers();
  await world.fold();
  assert.deepEqual(await answers(), before);
  await world.compact();
  assert.deepEqual(await answers(), before);
});

test('what a grant does not see is not counted in what it is told', async (t) => {
  const world = await indexedWorld(t, { specs: [TEXT] });
  await world.run(someNotes(0, 100));
  const seen = `SELECT * FROM "${ALIVE_ROWS}" WHERE id < 7`;
  const { plan, hits } = await ask(world, {
    explain: true,
    allowed: { seesAll: false, seen, where: 'id > 3' },
  });
  const [open, allowed, keyword] = plan?.steps ?? [];
  assert.doesNotMatch(open?.detail ?? '', /part/);
  assert.deepEqual([allowed?.estimatedRows, allowed?.rows], [7, 3]);
  assert.equal(keyword?.estimatedRows, hits.length);
});

test('a table of more than 5,000 rows is searched by a graph, which is made in the background', async (t) => {
  const world = await indexedWorld(t);
  await world.run(someNotes(0, 6000));
  const [query] = await hashingEmbedder().embed(['river winter'], { purpose: 'query' });
  const vector = encodeVector(query!);
  const step = async () => {
    const { plan, hits } = await ask(world, { mode: 'vector', vector, explain: true, k: 20 });
    return { step: plan?.steps?.[2], keys: hits.map(({ key }) => key[0]) };
  };
  const exact = await step();
  assert.equal(exact.step?.step, 'vector exact');
  assert.match(exact.step?.detail ?? '', /no graph yet/);
  await world.engine.job('graph-build', {
    table: await world.indexes.indexedTable(await world.table()),
    threads: 2,
  });
  const graph = await step();
  assert.equal(graph.step?.step, 'vector graph');
  const found = graph.keys.filter((key) => exact.keys.includes(key)).length;
  assert.ok(found >= 18, `${found} of 20`);
  await world.run([{ ...note(3, 'x'), _hakiri_deleted: true }]);
  const gone = (await ask(world, { mode: 'vector', vector, k: 1000 })).hits;
  assert.ok(gone.length > 0 && gone.every(({ key }) => key[0] !== 3));
});

test('a damaged file of vectors is told and not searched; rows that were not read say nothing', async (t) => {
  const world = await indexedWorld(t);
  await world.run(someNotes(0, 200));
  const file = filesBelow(world.root).find((path) => path.endsWith('.vec'))!;
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  const vector = encodeVector(new Float32Array(384).fill(1));
  await assert.rejects(ask(world, { mode: 'vector', vector, k: 1000 }), fails('index.damaged'));
  assert.ok((await world.found('river')).length > 0);
});
