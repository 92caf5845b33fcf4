import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import type { JsonValue } from '@hakiri/core';
import { fuzzCount, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { filesBelow, type IndexedWorld, indexedWorld, note, type Values } from './support/indexed-world.ts';

const HISTORIES = Math.ceil(fuzzCount(40) / 40);
const STEPS = 8;
const KEYS = 40;
const WORDS = 'red blue green fox whale tree runs swims stands old young river stone cloud'.split(' ');

const words = (below: (n: number) => number, count: number): string =>
  Array.from({ length: count }, () => WORDS[below(WORDS.length)]).join(' ');

/** What is found, told by key: places and runs differ once rows are merged, keys and scores do not. */
async function answers(world: IndexedWorld, seed: number): Promise<readonly unknown[]> {
  const { below } = seededRandom(seed);
  const found: unknown[] = [];
  for (let i = 0; i < 6; i++) {
    const text = words(below, 1 + below(3));
    const where = i % 2 === 0 ? undefined : `"id" % 3 = ${below(3)}`;
    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      const { hits, behind } = await world.search(text, { mode, ...(where ? { where } : {}) });
      found.push([mode, text, where, hits.map(({ key, score, run, seq }) => [key, score, run, seq]), behind]);
    }
  }
  return found;
}

/** The keys that a filter alone gives, from rows as we remember them. */
function aliveWith(rows: ReadonlyMap<number, Values>, word: string): readonly JsonValue[] {
  return [...rows.values()]
    .filter(({ title, body }) => `${title} ${body}`.split(' ').includes(word))
    .map(({ id }) => id as number)
    .sort((a, b) => a - b);
}

for (let history = 0; history < HISTORIES; history++) {
  const seed = TEST_SEED + history;
  test(`search answers the same after folding, compaction and rebuilding (HAKIRI_SEED=${seed})`, async (t) => {
    const { below } = seededRandom(seed);
    const world = await indexedWorld(t);
    const rows = new Map<number, Values>();
    const row = (): Values => note(below(KEYS), words(below, 3), words(below, below(6)));
    await world.run(
      Array.from({ length: 30 }, (_, id) => note(id, words(below, 2), words(below, 4))).map((r) => {
        rows.set(r.id as number, r);
        return r;
      }),
    );
    for (let step = 0; step < STEPS; step++) {
      switch (below(5)) {
        case 0:
        case 1: {
          const changed = new Map(Array.from({ length: 1 + below(8) }, row).map((r) => [r.id as number, r]));
          for (const [id, r] of changed) rows.set(id, r);
          await world.run([...changed.values()]);
          break;
        }
        case 2: {
          const r = row();
          rows.set(r.id as number, r);
          await world.write([{ values: r }]);
          break;
        }
        case 3: {
          const id = below(KEYS);
          rows.delete(id);
          await world.write([{ values: { id }, deleted: true } as never]);
          break;
        }
        case 4:
          await world.compact();
      }
      const word = WORDS[below(WORDS.length)]!;
      const found = (await world.found(word, { k: 1000 })).map(Number).sort((a, b) => a - b);
      assert.deepEqual(found, aliveWith(rows, word), `step ${step}, ${word}`);
    }
    const before = await answers(world, seed);
    await world.fold();
    assert.deepEqual(await answers(world, seed), before, 'folded');
    await world.compact();
    assert.deepEqual(await answers(world, seed), before, 'compacted');
    for (const path of filesBelow(world.root)) if (path.includes('_indexes')) rmSync(path);
    await world.catchUp();
    assert.deepEqual(await answers(world, seed), before, 'made again');
    assert.deepEqual(world.events, []);
  });
}
