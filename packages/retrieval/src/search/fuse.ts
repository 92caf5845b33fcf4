/** Reciprocal rank fusion (Cormack, Clarke, Buettcher 2009): what its authors found to serve everywhere. */
const RANK_CONSTANT = 60;

export interface Fused<Row> {
  readonly row: Row;
  readonly score: number;
  /** By list, from 1; undefined where the list does not have the row. */
  readonly ranks: readonly (number | undefined)[];
}

export interface WeightedList<Row> {
  /** Best first. */
  readonly rows: readonly Row[];
  /** What a place in it counts, beside 1. */
  readonly weight: number;
}

/**
 * The best k of what several lists hold.
 * @param idOf the same for the same row in every list
 * @param ties which of two rows of the same score comes first
 */
export function fuse<Row>(
  lists: readonly WeightedList<Row>[],
  k: number,
  idOf: (row: Row) => number,
  ties: (a: Row, b: Row) => number,
): readonly Fused<Row>[] {
  const found = new Map<number, { row: Row; score: number; ranks: (number | undefined)[] }>();
  lists.forEach(({ rows, weight }, which) => {
    rows.forEach((row, i) => {
      const id = idOf(row);
      let fused = found.get(id);
      if (!fused) {
        fused = { row, score: 0, ranks: lists.map(() => undefined) };
        found.set(id, fused);
      }
      fused.score += weight / (RANK_CONSTANT + i + 1);
      fused.ranks[which] = i + 1;
    });
  });
  return bestOf([...found.values()], k, ties);
}

/** An order of ties may be dear to ask for: only rows that may come out are asked. */
function bestOf<Row>(
  rows: readonly Fused<Row>[],
  k: number,
  ties: (a: Row, b: Row) => number,
): readonly Fused<Row>[] {
  const byScore = rows.toSorted((a, b) => b.score - a.score);
  const least = byScore[k - 1]?.score ?? Number.NEGATIVE_INFINITY;
  return byScore
    .filter(({ score }) => score >= least)
    .sort((a, b) => b.score - a.score || ties(a.row, b.row))
    .slice(0, k);
}
