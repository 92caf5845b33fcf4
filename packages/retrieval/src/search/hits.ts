import type { OpenedIndex, OpenedTable } from '../indexes/opened-table.ts';
import type { ScoredRow, TieOrder } from '../vector/index.ts';
import { type Fused, fuse } from './fuse.ts';
import type { SearchHit } from './request.ts';

/** What one index found, best first. */
export interface FoundList {
  readonly kind: OpenedIndex['kind'];
  readonly rows: readonly ScoredRow[];
  /** What it counts beside others. */
  readonly weight: number;
}

/** Units have fewer rows. */
const UNIT = 2 ** 32;

/** The best k of all lists: by the score of the only one, or by their ranks. */
export function hitsOf(
  opened: OpenedTable,
  lists: readonly FoundList[],
  k: number,
  ties: TieOrder,
): readonly SearchHit[] {
  return best(lists, k, ties).map(({ row, score, ranks }) => {
    const identities = identitiesOf(opened, row.unit);
    const keywordRank = bestRank(lists, ranks, 'fts');
    const vectorRank = bestRank(lists, ranks, 'vector');
    return {
      key: identities.keyAt(row.ordinal),
      run: identities.runs[identities.runIndexAt(row.ordinal)]!,
      seq: identities.seqAt(row.ordinal),
      score,
      ...(keywordRank === undefined ? {} : { keywordRank }),
      ...(vectorRank === undefined ? {} : { vectorRank }),
    };
  });
}

function best(lists: readonly FoundList[], k: number, ties: TieOrder): readonly Fused<ScoredRow>[] {
  const [first, ...others] = lists;
  if (first && others.length === 0) {
    return first.rows.slice(0, k).map((row, i) => ({ row, score: row.score, ranks: [i + 1] }));
  }
  return fuse(
    lists,
    k,
    ({ unit, ordinal }) => unit * UNIT + ordinal,
    (a, b) => ties(a.unit, a.ordinal, b.unit, b.ordinal),
  );
}

function bestRank(
  lists: readonly FoundList[],
  ranks: readonly (number | undefined)[],
  kind: OpenedIndex['kind'],
): number | undefined {
  const ofKind = ranks.filter(
    (rank, i) => rank !== undefined && lists[i]!.kind === kind,
  ) as readonly number[];
  return ofKind.length === 0 ? undefined : Math.min(...ofKind);
}

/**
 * Rows of one score, by run and sequence: the same wherever they lie, before and after a compaction, and nothing of
 * their values.
 */
export function identityOrder(opened: OpenedTable): TieOrder {
  return (unitA, ordinalA, unitB, ordinalB) => {
    const a = identitiesOf(opened, unitA);
    const b = identitiesOf(opened, unitB);
    const runA = a.runs[a.runIndexAt(ordinalA)]!;
    const runB = b.runs[b.runIndexAt(ordinalB)]!;
    if (runA !== runB) return runA < runB ? -1 : 1;
    return a.seqAt(ordinalA) - b.seqAt(ordinalB);
  };
}

/** A unit in which something was found has them. */
const identitiesOf = (opened: OpenedTable, unit: number) => opened.units[unit]!.identities!;
