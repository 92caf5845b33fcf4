import { LARGEST_FRONTIER } from './format.ts';

/**
 * Pairs of frequency and length, both ascending, such that no row from `from` to `to` has a higher frequency in a
 * shorter row than one of them.
 */
export function frontierOf(
  ordinals: Uint32Array,
  frequencies: Uint32Array,
  from: number,
  to: number,
  lengths: Uint32Array,
): readonly number[] {
  const pairs: number[] = [];
  for (let i = from; i < to; i++) insert(pairs, frequencies[i]!, lengths[ordinals[i]!]!);
  // Towards the low frequencies, whose rows bound the least.
  while (pairs.length > LARGEST_FRONTIER * 2) {
    const length = pairs[1]!;
    pairs.splice(0, 2);
    pairs[1] = Math.min(length, pairs[1]!);
  }
  return pairs;
}

function insert(pairs: number[], frequency: number, length: number): void {
  let at = 0;
  for (; at < pairs.length; at += 2) {
    if (pairs[at]! >= frequency) {
      if (pairs[at + 1]! <= length) return;
      break;
    }
  }
  // Those before have a lower frequency: they go where they are no shorter. The same frequency goes as well.
  if (pairs[at] === frequency) pairs.splice(at, 2);
  let first = at;
  while (first > 0 && pairs[first - 1]! >= length) first -= 2;
  pairs.splice(first, at - first, frequency, length);
}
