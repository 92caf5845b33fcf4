import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HakiriError } from '@hakiri/core';
import { everyRow } from '../../src/sets/row-set.ts';
import {
  mergeTextSegments,
  openTextSegment,
  parseTextQuery,
  searchText,
  type TextHit,
  type TextSegment,
} from '../../src/text/index.ts';
import { below, builtFrom, generator, opened, text, vocabulary } from './corpus.ts';

const FLIPS = Number(process.env.HAKIRI_FUZZ_COUNT ?? 300);
const SEED = Number(process.env.HAKIRI_SEED ?? 1);

const random = generator(SEED);
const words = vocabulary(random, 400);
const bytes = builtFrom(
  Array.from({ length: 2000 }, () => text(random, words, 60)),
  'english',
);
const QUERIES = [
  words[0]!,
  words.slice(0, 4).join(' '),
  words.slice(100, 110).join(' '),
  `+${words[1]} +${words[2]} ${words[3]}`,
  `"${words[0]} ${words[1]}"`,
  'con* -runs',
].map((query) => parseTextQuery(query, 'english'));

/** All that reads a segment; merging reads every byte of it. */
function answers(segment: TextSegment): readonly (readonly TextHit[])[] {
  return QUERIES.map(
    (query) => searchText([{ fields: [segment], visible: everyRow(segment.rows) }], query, { k: 20 }).hits,
  );
}

const right = answers(opened(bytes));

/** The answers, or that it is damaged; anything else fails. */
function answersOrRefusal(damaged: Uint8Array, what: string): 'refused' | 'answered' {
  try {
    assert.deepEqual(answers(opened(damaged)), right, what);
    return 'answered';
  } catch (error) {
    if (error instanceof HakiriError && error.code === 'index.damaged') return 'refused';
    throw new Error(`${what} (HAKIRI_SEED=${SEED})`, { cause: error });
  }
}

test('a file with one bit changed is refused, or what is changed is not asked for', () => {
  let refused = 0;
  for (let i = 0; i < FLIPS; i++) {
    const bit = below(random, bytes.length * 8);
    const damaged = bytes.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    if (answersOrRefusal(damaged, `bit ${bit}`) === 'refused') refused++;
    const segment = quietlyOpened(damaged);
    if (segment === undefined) continue;
    const everything = { segment, newOrdinal: Int32Array.from({ length: segment.rows }, (_, row) => row) };
    if (i % 10 === 0) {
      assert.throws(() => [...mergeTextSegments([everything], segment.rows)], { code: 'index.damaged' });
    }
  }
  assert.ok(refused > FLIPS / 3, `${refused} of ${FLIPS} refused`);
});

function quietlyOpened(damaged: Uint8Array): TextSegment | undefined {
  try {
    return opened(damaged);
  } catch {
    return undefined;
  }
}

test('a file that is cut short, or longer than it was, is refused', () => {
  for (let i = 0; i < 300; i++) {
    const length = i < 100 ? i : below(random, bytes.length);
    assert.throws(() => opened(bytes.slice(0, length)), { code: 'index.damaged' }, `${length} bytes`);
  }
  assert.throws(() => opened(new Uint8Array([...bytes, 0])), { code: 'index.damaged' });
});

test('a file that becomes shorter after it was opened is refused when it is read', () => {
  let there = bytes.length;
  const segment = openTextSegment(
    (offset, length) => bytes.subarray(offset, Math.min(there, offset + length)),
    there,
  );
  there = 100;
  assert.throws(() => answers(segment), { code: 'index.damaged' });
});

test('a file of anything else is refused', () => {
  for (let i = 0; i < 200; i++) {
    const other = Uint8Array.from({ length: below(random, 5000) }, () => below(random, 256));
    assert.throws(() => opened(other), { code: 'index.damaged' });
  }
});
