import { createTopRows, type ScoredRow, type TieOrder } from './top-rows.ts';
import type { VectorSegment } from './vector-segment.ts';

/**
 * The best k of rows by the cosine of their floats.
 * @param query of length 1
 * @param rows by a score that is about that, best first
 * @param errorOf how far the score of a row is off, at most: rows that cannot be among the best any more are not read.
 * It is the row's own, so that no row decides whether another is read but by its score
 * @throws HakiriError index.damaged, store.io
 */
export function exactScores(
  query: Float32Array,
  rows: readonly ScoredRow[],
  segmentOf: (unit: number) => VectorSegment,
  ties: TieOrder,
  k: number,
  errorOf: (row: ScoredRow) => number,
): readonly ScoredRow[] {
  const top = createTopRows(k, ties);
  for (const row of rows) {
    const { unit, ordinal, score } = row;
    if (top.threshold > score && score + errorOf(row) < top.threshold) continue;
    const cosine = segmentOf(unit).cosineAt(ordinal, query);
    if (cosine !== undefined) top.offer(unit, ordinal, cosine);
  }
  return top.sorted();
}
