import { BUILT_IN_MODEL, HakiriError, type QueryPlan } from '@hakiri/core';
import type { Connection } from '../indexes/connection.ts';
import type { IndexedTable } from '../indexes/indexed-table.ts';
import { openTable } from '../indexes/open.ts';
import {
  type OpenedIndex,
  type OpenedTable,
  type OpenedTextIndex,
  type OpenedVectorIndex,
  rowsBehind,
  type TableRows,
} from '../indexes/opened-table.ts';
import { knownName } from '../indexes/twins.ts';
import { allowedRows, seenRows } from '../sets/table-rows.ts';
import type { TieOrder } from '../vector/index.ts';
import { chooseIndexes, refuseUnbuilt } from './choose-indexes.ts';
import { type FoundList, hitsOf, identityOrder } from './hits.ts';
import { queryVector } from './query-vector.ts';
import type { SearchAnswer, SearchCall, SearchRequest } from './request.ts';
import { searchKeywords } from './search-keywords.ts';
import { searchVectors } from './search-vectors.ts';

export const MAX_HITS = 1000;
/** How deep lists go that are fused: a row far down in each may be among the first of all. */
const DEPTH_PER_HIT = 4;
const LEAST_DEPTH = 50;
/** A model that knows words only mostly repeats what the words themselves have said, less exactly. */
const LEXICAL_WEIGHT = 1 / 3;

interface Search {
  readonly request: SearchRequest;
  readonly opened: OpenedTable;
  /** Alive rows that the grant sees: nothing that is said may depend on another. */
  readonly seen: TableRows;
  readonly allowed: TableRows;
  /** Of each list. */
  readonly depth: number;
  readonly ties: TieOrder;
}

interface PlannedList extends FoundList {
  readonly plan: QueryPlan;
}

/** Sent before, by id; the newest last. */
const tables = new Map<number | undefined, IndexedTable>();
const MAX_TABLES = 64;

/**
 * Job `search`. Null where only the id of a table was sent, and this child has never seen the table.
 * @throws HakiriError as `search`
 */
export async function searchJob(connection: Connection, call: SearchCall): Promise<SearchAnswer | null> {
  const { tableId, ...question } = call;
  const table = call.table ?? tables.get(tableId);
  if (table === undefined) return null;
  tables.delete(tableId);
  tables.set(tableId, table);
  const [oldest] = tables.keys();
  if (tables.size > MAX_TABLES) tables.delete(oldest);
  return search(connection, { ...question, table });
}

/**
 * Searches in one table.
 * @throws HakiriError query.no_index, query.invalid, index.not_built, index.damaged, embedding.dimension, store.io
 */
async function search(connection: Connection, request: SearchRequest): Promise<SearchAnswer> {
  const { k } = request;
  if (!Number.isInteger(k) || k < 1 || k > MAX_HITS) {
    throw new HakiriError('query.invalid', `k is to be from 1 to ${MAX_HITS}, not ${k}`);
  }
  const elapsed = stopwatch();
  const opened = await openTable(connection, request.table);
  const indexes = chooseIndexes(opened, request);
  const openMs = elapsed();

  const seen = await seenRows(connection, opened, request.allowed);
  refuseUnbuilt(indexes, seen);
  const allowed = await allowedRows(connection, opened, request.allowed);
  const filterMs = elapsed() - openMs;

  const depth = indexes.length === 1 ? k : Math.max(k * DEPTH_PER_HIT, LEAST_DEPTH);
  const ties = identityOrder(opened);
  const asked: Search = { request, opened, seen, allowed, depth, ties };
  const lists: PlannedList[] = [];
  for (const index of indexes) {
    lists.push(index.kind === 'fts' ? keywordList(asked, index) : await vectorList(asked, index));
  }
  const foundMs = elapsed();
  const hits = hitsOf(opened, lists, k, ties);
  const behind = Object.fromEntries(indexes.map((index) => [knownName(index.spec), rowsBehind(index, seen)]));
  if (!request.explain) return { hits, behind, plan: undefined };

  const plan: QueryPlan = {
    step: 'search',
    detail: `${request.mode} in ${request.table.name}`,
    estimatedRows: k,
    rows: hits.length,
    elapsedMs: elapsed(),
    steps: [
      { step: 'open', detail: openDetail(asked, indexes), elapsedMs: openMs },
      {
        step: 'allowed rows',
        detail: request.allowed.where === undefined ? 'no filter' : 'filter',
        estimatedRows: seen.count,
        rows: allowed.count,
        elapsedMs: filterMs,
      },
      ...lists.map((list) => list.plan),
      {
        step: 'best',
        detail: lists.length === 1 ? 'by score' : `by the ranks in ${lists.length} lists`,
        estimatedRows: k,
        rows: hits.length,
        elapsedMs: elapsed() - foundMs,
      },
    ],
  };
  return { hits, behind, plan };
}

/** How many parts there are tells something of rows that are not seen. */
function openDetail({ request, opened }: Search, indexes: readonly OpenedIndex[]): string {
  const { seesAll, seen } = request.allowed;
  const parts = seesAll && seen === undefined ? `, ${opened.units.length} parts` : '';
  return `${indexes.length} of its indexes${parts}`;
}

function keywordList({ request, allowed, depth, ties }: Search, index: OpenedTextIndex): PlannedList {
  const elapsed = stopwatch();
  if (request.text === undefined) {
    throw new HakiriError('query.invalid', `A search in ${index.spec.name} needs a text`);
  }
  const { rows, postings } = searchKeywords({ index, text: request.text, allowed, k: depth, ties });
  const plan: QueryPlan = {
    step: 'keyword',
    detail: `${knownName(index.spec)}: best ${depth} by BM25`,
    estimatedRows: postings,
    rows: rows.length,
    elapsedMs: elapsed(),
  };
  return { kind: 'fts', rows, weight: 1, plan };
}

async function vectorList(search: Search, index: OpenedVectorIndex): Promise<PlannedList> {
  const elapsed = stopwatch();
  const { request, depth: k, allowed } = search;
  const name = knownName(index.spec);
  const query = queryVector(request.vector, index.spec);
  if (query === undefined) {
    return {
      kind: 'vector',
      rows: [],
      weight: 1,
      plan: { step: 'vector', detail: `${name}: no direction`, rows: 0 },
    };
  }
  const filtered = request.allowed.where !== undefined;
  const { seesAll } = request.allowed;
  const { rows, way, note, compared } = await searchVectors({
    ...search,
    index,
    seesAll,
    filtered,
    query,
    k,
  });
  const reasons = [way.why, ...(note === undefined ? [] : [note])].join('; ');
  const plan: QueryPlan = {
    step: `vector ${way.kind}`,
    detail: `${name}: ${reasons}; estimated ${way.estimatedMs.toFixed(2)} ms`,
    estimatedRows: way.kind === 'graph' ? way.neighbours : allowed.count,
    rows: compared,
    elapsedMs: elapsed(),
  };
  return { kind: 'vector', rows, weight: index.spec.model === BUILT_IN_MODEL ? LEXICAL_WEIGHT : 1, plan };
}

/** Milliseconds since it was made. */
function stopwatch(): () => number {
  const started = performance.now();
  return () => performance.now() - started;
}
