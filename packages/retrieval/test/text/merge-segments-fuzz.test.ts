import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeTextSegments, type TextMergeSource } from '../../src/text/index.ts';
import { below, builtFrom, generator, joined, opened, pick, segmentOf, text, vocabulary } from './corpus.ts';

const SEEDS = Number(process.env.HAKIRI_FUZZ_COUNT ?? 40);
const FIRST_SEED = Number(process.env.HAKIRI_SEED ?? 1);

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
  test(`merging is building from what is left (HAKIRI_SEED=${seed} HAKIRI_FUZZ_COUNT=1)`, () => {
    const random = generator(seed);
    const analyzer = pick(random, ['english', 'simple', 'none'] as const);
    const words = vocabulary(random, 5 + below(random, 200));
    const sources = Array.from({ length: 1 + below(random, 5) }, () =>
      Array.from({ length: below(random, 400) }, () =>
        random() < 0.1 ? null : text(random, words, analyzer === 'none' ? 2 : 40),
      ),
    );
    // A row goes, or goes to a place that no other has.
    const gone = random() * 0.5;
    const left = sources
      .flatMap((texts, s) => texts.map((_, row) => ({ s, row })))
      .filter(() => random() > gone);
    if (random() < 0.5) shuffle(random, left);
    const merged: TextMergeSource[] = sources.map((texts) => ({
      segment: segmentOf(texts, analyzer),
      newOrdinal: new Int32Array(texts.length).fill(-1),
    }));
    for (const [ordinal, { s, row }] of left.entries()) merged[s]!.newOrdinal[row] = ordinal;
    const made = joined(mergeTextSegments(merged, left.length));
    const expected = builtFrom(
      left.map(({ s, row }) => sources[s]![row]!),
      analyzer,
    );
    assert.deepEqual(made, expected);
    assert.equal(opened(made).rows, left.length);
  });
}

test('a builder that packs what it holds in between makes the same file', () => {
  const random = generator(5);
  const words = vocabulary(random, 300);
  const texts = Array.from({ length: 900 }, () => text(random, words, 30));
  assert.deepEqual(builtFrom(texts, 'english', 1000), builtFrom(texts, 'english'));
});

test('rows that would have one ordinal are refused', () => {
  const segment = segmentOf(['a', 'b'], 'simple');
  assert.throws(() => [...mergeTextSegments([{ segment, newOrdinal: Int32Array.of(0, 0) }], 1)], RangeError);
  assert.throws(() => [...mergeTextSegments([{ segment, newOrdinal: Int32Array.of(0, 2) }], 2)], RangeError);
  assert.throws(() => [...mergeTextSegments([{ segment, newOrdinal: Int32Array.of(0) }], 2)], RangeError);
});

function shuffle<T>(random: () => number, items: T[]): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}
