import { BUILT_IN_DIMS } from '@hakiri/core';
import { eachWord } from '../../text/words.ts';
import { normalise } from '../normalise.ts';
import { wordVector } from './word-vectors.ts';

/**
 * 1 + ln(n) for n from 0 on, written out: `Math.log` differs between machines. The last stands for all greater ones.
 */
const OCCURRENCES = [
  0, 1, 1.6931472, 2.0986123, 2.3862944, 2.6094379, 2.7917595, 2.9459101, 3.0794415, 3.1972246, 3.3025851,
  3.3978953, 3.4849066, 3.5649494, 3.6390573, 3.7080502, 3.7725887,
] as const;

const counts = new Map<string, number>();

/**
 * The vector of a text, of length 1, also where its words happen to cancel each other out. The same on every machine:
 * sums, products and square roots of doubles only.
 */
export function hashText(text: string): Float32Array {
  counts.clear();
  eachWord(text, (source, from, to) => {
    const word = source.slice(from, to);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  });
  // A text without words, of signs or of nothing, is its own only word.
  if (counts.size === 0) counts.set(text.trim().slice(0, 64), 1);
  const vector = new Float32Array(BUILT_IN_DIMS);
  for (const [word, count] of counts) {
    const { places, values } = wordVector(word);
    const weight = OCCURRENCES[Math.min(count, OCCURRENCES.length - 1)]!;
    for (let i = 0; i < places.length; i++) vector[places[i]!]! += values[i]! * weight;
  }
  if (!normalise(vector)) vector[0] = 1;
  return vector;
}
