import type { JsonValue } from '@hakiri/core';
import type { OpenedIndex, OpenedTable } from '../indexes/opened-table.ts';
import type { ScoredRow, TieOrder } from '../vector/index.ts';
import { type Fused, fuse } from './fuse.ts';
import { compareKeys } from './key-order.ts';
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
export function hitsOf(opened: OpenedTable, lists: readonly FoundList[], k: number): readonly SearchHit[] {
  const keys = new Map<number, readonly JsonValue[]>();
  const idOf = ({ unit, ordinal }: ScoredRow): number => unit * UNIT + ordinal;
  const keyOf = (row: ScoredRow): readonly JsonValue[] => {
    const id = idOf(row);
    const key = keys.get(id) ?? identitiesOf(opened, row.unit).keyAt(row.ordinal);
    keys.set(id, key);
    return key;
  };
  return best(lists, k, idOf, (a, b) => compareKeys(keyOf(a), keyOf(b))).map(({ row, score, ranks }) => {
    const identities = identitiesOf(opened, row.unit);
    const keywordRank = bestRank(lists, ranks, 'fts');
    const vectorRank = bestRank(lists, ranks, 'vector');
    return {
      key: keyOf(row),
      run: identities.runs[identities.runIndexAt(row.ordinal)]!,
      seq: identities.seqAt(row.ordinal),
      score,
      ...(keywordRank === undefined ? {} : { keywordRank }),
      ...(vectorRank === undefined ? {} : { vectorRank }),
    };
  });
}

function best(
  lists: readonly FoundList[],
  k: number,
  idOf: (row: ScoredRow) => number,
  ties: (a: ScoredRow, b: ScoredRow) => number,
): readonly Fused<ScoredRow>[] {
  const [first, ...others] = lists;
  if (first && others.length === 0) {
    return first.rows.slice(0, k).map((row, i) => ({ row, score: row.score, ranks: [i + 1] }));
  }
  return fuse(lists, k, idOf, ties);
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

/** Rows of one score, by run and sequence: the same wherever they lie, before and after a compaction. */
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
