/**
 * Normalised discounted cumulative gain of the first `k` (Järvelin and Kekäläinen 2002), each relevant one counting 1:
 * from 0, none found, to 1, all of them first.
 */
export function ndcg(ranked: readonly number[], relevant: ReadonlySet<number>, k = 10): number {
  const gain = (rank: number): number => 1 / Math.log2(rank + 2);
  const found = ranked.slice(0, k).reduce((sum, id, rank) => sum + (relevant.has(id) ? gain(rank) : 0), 0);
  const best = Array.from({ length: Math.min(k, relevant.size) }, (_, rank) => gain(rank));
  return found / best.reduce((sum, value) => sum + value, 0);
}
