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
    const cosine = segmentOf(unit).cosineAt(ordinal, query);
    if (cosine !== undefined) top.offer(unit, ordinal, cosine);
  }
  return top.sorted();
}
