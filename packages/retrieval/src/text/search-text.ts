import type { RowSet } from '../sets/row-set.ts';
import { allOf, type ClauseCursors } from './all-of.ts';
import { anyOf } from './any-of.ts';
import { inverseFrequency, type Norms, normsFor, SCALE, weightOf } from './bm25.ts';
import { createCursor } from './cursor.ts';
import type { ParsedTextQuery, TextClause } from './parse-query.ts';
import { phraseList } from './phrase.ts';
import type { PostingList } from './posting-list.ts';
import { prefixList } from './prefix.ts';
import { type SegmentView, segmentView } from './statistics.ts';
import type { TextSegment } from './text-segment.ts';
import { createTopRows, type TieOrder } from './top-rows.ts';
import { withoutRows } from './without-rows.ts';

/** The text of one part. */
export interface TextDocuments {
  /** One of each searched column, in the same order in every part. */
  readonly fields: readonly TextSegment[];
  /** Rows that are alive and may be seen. The same object means the same rows: what is counted is kept by it. */
  readonly visible: RowSet;
}

export interface TextSearchOptions {
  /** How many rows at most. */
  readonly k: number;
  /**
   * Of rows with one score, also at the last place. Without it by part and ordinal, which change when parts are
   * merged: give one that does not.
   */
  readonly tieOrder?: TieOrder;
}

export interface TextHit {
  /** Of `documents`. */
  readonly part: number;
  readonly ordinal: number;
  readonly score: number;
}

export interface TextSearchResult {
  /** Best first. */
  readonly hits: readonly TextHit[];
  /** Over all parts. */
  readonly visibleRows: number;
  /** Visible rows in the lists of the query's words. */
  readonly postings: number;
}

interface Part {
  readonly number: number;
  readonly visible: RowSet;
  readonly views: readonly SegmentView[];
  /** By clause and field. */
  readonly lists: readonly (readonly (FieldList | undefined)[])[];
}

interface FieldList {
  readonly list: PostingList;
  /** Visible rows that have it. */
  readonly rows: number;
}

/**
 * The best `k` rows by BM25, summed over fields. A row must have every clause that must be there, in any field, none
 * of those that may not, and one of the others where nothing must. Rows that are not visible change nothing: counts
 * and lengths are those of the visible rows.
 * @throws HakiriError index.damaged
 */
export function searchText(
  documents: readonly TextDocuments[],
  query: ParsedTextQuery,
  { k, tieOrder }: TextSearchOptions,
): TextSearchResult {
  const parts = documents.flatMap((document, number) => openPart(document, number, query));
  const visibleRows = parts.reduce((sum, { visible }) => sum + visible.count, 0);
  const top = createTopRows(k, tieOrder);
  const scoring = scoringOf(parts, query, visibleRows);
  let postings = 0;
  if (k > 0 && scoring !== undefined) {
    for (const part of parts) {
      for (const list of part.lists.flat()) postings += list?.rows ?? 0;
      searchPart(part, query, scoring, top);
    }
  }
  const hits = top.sorted().map(({ part, ordinal, score }) => ({ part, ordinal, score: score / SCALE }));
  return { hits, visibleRows, postings };
}

function openPart(
  { fields, visible }: TextDocuments,
  number: number,
  query: ParsedTextQuery,
): readonly Part[] {
  for (const segment of fields) {
    if (segment.rows !== visible.rows) throw new RangeError('Rows and segments of different parts');
    if (segment.analyzer !== query.analyzer) throw new RangeError('The query is of another analyzer');
  }
  if (visible.count === 0) return [];
  const views = fields.map((segment) => segmentView(segment, visible));
  const lists = query.clauses.map(({ match }) => views.map((view) => listOf(view, match)));
  return [{ number, visible, views, lists }];
}

function listOf(view: SegmentView, match: TextClause['match']): FieldList | undefined {
  if (match.kind === 'word') return view.list(match.term);
  const list =
    match.kind === 'phrase'
      ? phraseList(view.segment, match.terms, view.visible)
      : prefixList(view.segment, match.prefix, view.visible);
  return list === undefined || list.rows === 0 ? undefined : { list, rows: list.rows };
}

interface Scores {
  /** By field. */
  readonly norms: readonly Norms[];
  /** By clause and field. */
  readonly weights: readonly (readonly number[])[];
}

function scoringOf(parts: readonly Part[], query: ParsedTextQuery, visibleRows: number): Scores | undefined {
  const fields = parts[0]?.views.length ?? 0;
  if (parts.length === 0 || query.clauses.length === 0) return undefined;
  const norms = Array.from({ length: fields }, (_, field) => {
    const total = parts.reduce((sum, { views }) => sum + views[field]!.totalLength, 0);
    return normsFor(total / visibleRows, LONGEST_OFTEN);
  });
  const weights = query.clauses.map(({ match }, clause) =>
    Array.from({ length: fields }, (_, field) => {
      if (match.kind === 'phrase') {
        return weightOf(
          match.terms.reduce((sum, term) => {
            const rows = parts.reduce((count, { views }) => count + (views[field]!.list(term)?.rows ?? 0), 0);
            return sum + inverseFrequency(visibleRows, rows);
          }, 0),
        );
      }
      const rows = parts.reduce((count, { lists }) => count + (lists[clause]![field]?.rows ?? 0), 0);
      return weightOf(inverseFrequency(visibleRows, rows));
    }),
  );
  return { norms, weights };
}

/** Words of a row that norms are made for at once. */
const LONGEST_OFTEN = 4096;

function searchPart(
  part: Part,
  { clauses }: ParsedTextQuery,
  { norms, weights }: Scores,
  top: ReturnType<typeof createTopRows>,
): void {
  const eligible = withoutRows(
    part.visible,
    clauses.flatMap(({ occur }, i) => (occur === 'not' ? part.lists[i]! : [])).map((found) => found?.list),
  );
  const cursors = (occur: TextClause['occur']): readonly ClauseCursors[] =>
    clauses.flatMap((clause, i) => {
      if (clause.occur !== occur) return [];
      const found = part.lists[i]!.flatMap((field, f) => {
        if (field === undefined || field.list.rows === 0) return [];
        const scoring = { weight: weights[i]![f]!, times: clause.times, norms: norms[f]! };
        return [createCursor(field.list, part.views[f]!.segment.lengths(), scoring)];
      });
      return [found];
    });
  const must = cursors('must');
  const should = cursors('should');
  if (must.length > 0) allOf(part.number, must, should, eligible, top);
  else anyOf(part.number, should.flat(), eligible, top);
}
