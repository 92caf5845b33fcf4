import type { OpenedTextIndex, TableRows } from '../indexes/opened-table.ts';
import { parseTextQuery, searchText } from '../text/index.ts';
import type { ScoredRow, TieOrder } from '../vector/index.ts';

export interface KeywordSearch {
  readonly index: OpenedTextIndex;
  readonly text: string;
  readonly allowed: TableRows;
  readonly k: number;
  readonly ties: TieOrder;
}

export interface KeywordFound {
  /** Best first. */
  readonly rows: readonly ScoredRow[];
  /** Of allowed rows, in the lists of the query's words. */
  readonly postings: number;
}

/** The allowed rows that say best what is looked for. @throws HakiriError index.damaged */
export function searchKeywords({ index, text, allowed, k, ties }: KeywordSearch): KeywordFound {
  const units = index.units.flatMap((fields, unit) => (fields ? [{ fields, unit }] : []));
  const documents = units.map(({ fields, unit }) => ({ fields, visible: allowed.units[unit]! }));
  const placed = ({ part, ordinal, score }: { part: number; ordinal: number; score: number }): ScoredRow => ({
    unit: units[part]!.unit,
    ordinal,
    score,
  });
  const { hits, postings } = searchText(documents, parseTextQuery(text, index.spec.analyzer), {
    k,
    tieOrder: (partA, ordinalA, partB, ordinalB) =>
      ties(units[partA]!.unit, ordinalA, units[partB]!.unit, ordinalB),
  });
  return { rows: hits.map(placed), postings };
}
