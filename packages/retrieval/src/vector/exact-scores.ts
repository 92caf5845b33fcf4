import { createTopRows, type ScoredRow, type TieOrder } from './top-rows.ts';
import type { VectorSegment } from './vector-segment.ts';

/**
 * The best k of rows by the cosine of their floats.
 * @param query of length 1
 * @param rows by a score that is about that, best first
 * @param error how far that score is off, at most: rows that cannot be among the best any more are not read
 * @throws HakiriError index.damaged, store.io
 */
export function exactScores(
  query: Float32Array,
  rows: readonly ScoredRow[],
  segmentOf: (unit: number) => VectorSegment,
  ties: TieOrder,
  k: number,
  error: number,
): readonly ScoredRow[] {
  const top = createTopRows(k, ties);
  for (const { unit, ordinal, score } of rows) {
    if (score + error < top.threshold) break;
    const vector = segmentOf(unit).vectorAt(ordinal);
    if (vector) top.offer(unit, ordinal, dot(query, vector));
  }
  return top.sorted();
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
