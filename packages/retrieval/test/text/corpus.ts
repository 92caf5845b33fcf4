import type { Analyzer } from '@hakiri/core';
import { type RowSet, rowSetOf } from '../../src/sets/row-set.ts';
import {
  createTextSegmentBuilder,
  openTextSegment,
  type TextDocuments,
  type TextSegment,
} from '../../src/text/index.ts';
import type { NaiveRow } from './naive-search.ts';

/** Numbers in [0, 1), the same ones for the same seed. */
export type Random = () => number;

export function generator(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function below(random: Random, most: number): number {
  return Math.floor(random() * most);
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[below(random, from.length)]!;
}

const STEMS = 'run jump connect happi relat nation comput index search word gener'.split(' ');
const ENDINGS = ['', 's', 'ing', 'ed', 'er', 'ion', 'y', 'ational', "'s"];
const ODD = [
  'naïve',
  'Straße',
  '東京タワー',
  'a_b',
  'foo.bar()',
  '🎉',
  'x',
  '42',
  'ＡＢＣ',
  'ﬁne',
  '\ud800',
  'Ελλάδας',
  'दिल्ली',
  "can't",
];

/** A few words that are everywhere and many that are not. */
export function vocabulary(random: Random, size: number): readonly string[] {
  return Array.from({ length: size }, (_, i) =>
    i % 7 === 3
      ? pick(random, ODD)
      : pick(random, STEMS) + pick(random, ENDINGS) + (i > size / 3 ? (i % 50).toString(36) : ''),
  );
}

export function text(random: Random, words: readonly string[], most: number): string {
  return Array.from(
    { length: below(random, most) },
    () => words[Math.floor(words.length ** random()) - 1]!,
  ).join(pick(random, [' ', ' ', ', ', '\n']));
}

export function segmentOf(
  texts: readonly (string | null)[],
  analyzer: Analyzer,
  batchWords?: number,
): TextSegment {
  return opened(builtFrom(texts, analyzer, batchWords));
}

export function builtFrom(
  texts: readonly (string | null)[],
  analyzer: Analyzer,
  batchWords = 1 << 22,
): Uint8Array {
  const builder = createTextSegmentBuilder({ analyzer, batchWords });
  for (const [ordinal, value] of texts.entries()) if (value !== null) builder.add(ordinal, value);
  return joined(builder.finish(texts.length));
}

export function joined(pieces: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array(Buffer.concat([...pieces]));
}

export function opened(bytes: Uint8Array): TextSegment {
  return openTextSegment((offset, length) => bytes.subarray(offset, offset + length), bytes.length);
}

/** The rows in parts at random, and of each part the rows that can be seen. */
export interface Spread {
  readonly documents: readonly TextDocuments[];
  /** By part and ordinal the row's number. */
  readonly rowOf: readonly (readonly number[])[];
}

export function spread(
  random: Random,
  rows: readonly NaiveRow[],
  analyzer: Analyzer,
  visible: (row: number) => boolean,
): Spread {
  const parts = 1 + below(random, 4);
  const rowOf: number[][] = Array.from({ length: parts }, () => []);
  for (let row = 0; row < rows.length; row++) pick(random, rowOf).push(row);
  const documents = rowOf.map((numbers) => ({
    fields: (rows[0] ?? []).map((_, f) =>
      segmentOf(
        numbers.map((row) => rows[row]![f]!),
        analyzer,
      ),
    ),
    visible: rowSetOf(numbers.length, visibleOrdinals(numbers, visible)),
  }));
  return { documents, rowOf };
}

function visibleOrdinals(numbers: readonly number[], visible: (row: number) => boolean): readonly number[] {
  return numbers.flatMap((row, ordinal) => (visible(row) ? [ordinal] : []));
}

export function everyRowOf(segment: TextSegment): RowSet {
  return rowSetOf(
    segment.rows,
    Array.from({ length: segment.rows }, (_, i) => i),
  );
}
