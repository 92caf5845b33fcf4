import { HakiriError, type JsonValue, nearestNames, type QueryPlan } from '@hakiri/core';
import type { Connection } from '../indexes/connection.ts';
import { openTable } from '../indexes/open.ts';
import { type OpenedIndex, type OpenedTable, rowsBehind, type TableRows } from '../indexes/opened-table.ts';
import { aliveRows, allowedRows } from '../sets/table-rows.ts';
import type { ScoredRow, TieOrder } from '../vector/index.ts';
import { type Fused, fuse } from './fuse.ts';
import { compareKeys } from './key-order.ts';
import { queryVector } from './query-vector.ts';
import type { SearchAnswer, SearchHit, SearchRequest } from './request.ts';
import { searchKeywords } from './search-keywords.ts';
import { searchVectors } from './search-vectors.ts';

export const MAX_HITS = 1000;
/** How deep lists go that are fused: a row far down in one may be first in both together. */
const DEPTH_PER_HIT = 4;
const LEAST_DEPTH = 50;

/** What one index found, best first. */
interface FoundList {
  readonly kind: OpenedIndex['kind'];
  readonly rows: readonly ScoredRow[];
  readonly plan: QueryPlan;
}

interface Searched {
  readonly request: SearchRequest;
  readonly opened: OpenedTable;
  readonly alive: TableRows;
  readonly allowed: TableRows;
  /** Of each list. */
  readonly depth: number;
  readonly ties: TieOrder;
}

/**
 * Searches in one table (job `search`).
 * @throws HakiriError query.no_index, query.invalid, index.not_built, index.damaged, embedding.dimension, store.io
 */
export async function searchJob(connection: Connection, request: SearchRequest): Promise<SearchAnswer> {
  const started = performance.now();
  const { k } = request;
  if (!Number.isInteger(k) || k < 1 || k > MAX_HITS) {
    throw new HakiriError('query.invalid', `k is to be from 1 to ${MAX_HITS}, not ${k}`);
  }
  const opened = await openTable(connection, request.table);
  const indexes = chosenIndexes(opened, request);
  const openMs = performance.now() - started;

  const filterStarted = performance.now();
  const alive = await aliveRows(connection, opened);
  const allowed = await allowedRows(connection, opened, request.allowed);
  const filterMs = performance.now() - filterStarted;
  const behind = Object.fromEntries(indexes.map((index) => [index.spec.name, rowsBehind(index, alive)]));
  refuseUnbuilt(indexes, alive);

  const depth = indexes.length === 1 ? k : Math.max(k * DEPTH_PER_HIT, LEAST_DEPTH);
  const searched: Searched = { request, opened, alive, allowed, depth, ties: identityOrder(opened) };
  const lists: FoundList[] = [];
  for (const index of indexes) lists.push(await searchIndex(searched, index));

  const fuseStarted = performance.now();
  const hits = hitsOf(opened, lists, k);
  if (!request.explain) return { hits, behind, plan: undefined };
  const filter: QueryPlan = {
    step: 'allowed rows',
    detail: request.allowed.where === undefined ? 'all alive rows' : 'alive rows that pass the filter',
    estimatedRows: alive.count,
    rows: allowed.count,
    elapsedMs: filterMs,
  };
  const fusing: QueryPlan = {
    step: 'fuse',
    detail: `reciprocal ranks of ${lists.length} lists`,
    estimatedRows: k,
    rows: hits.length,
    elapsedMs: performance.now() - fuseStarted,
  };
  const plan: QueryPlan = {
    step: 'search',
    detail: `${request.mode} in ${request.table.name}`,
    estimatedRows: k,
    rows: hits.length,
    elapsedMs: performance.now() - started,
    steps: [
      { step: 'open', detail: `${opened.units.length} parts`, elapsedMs: openMs },
      filter,
      ...lists.map((list) => list.plan),
      ...(lists.length > 1 ? [fusing] : []),
    ],
  };
  return { hits, behind, plan };
}

/** @throws HakiriError query.no_index */
function chosenIndexes(opened: OpenedTable, { table, mode, indexes }: SearchRequest): readonly OpenedIndex[] {
  const names = opened.indexes.map(({ spec }) => spec.name);
  for (const name of indexes ?? []) {
    if (names.includes(name)) continue;
    const near = nearestNames(name, names);
    const hint =
      near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `There are: ${names.join(', ') || 'none'}.`;
    throw new HakiriError('query.no_index', `${table.name} has no index "${name}"`, { hint });
  }
  const wanted = opened.indexes.filter(
    ({ kind, spec }) =>
      (mode === 'hybrid' || (mode === 'vector') === (kind === 'vector')) &&
      (indexes === undefined || indexes.includes(spec.name)),
  );
  if (wanted.length === 0)
    throw new HakiriError('query.no_index', `${table.name} has no index for this search`);
  return wanted;
}

/** @throws HakiriError index.not_built where not one of the indexes has a row */
function refuseUnbuilt(indexes: readonly OpenedIndex[], alive: TableRows): void {
  if (alive.count === 0 || indexes.some((index) => rowsBehind(index, alive) < alive.count)) return;
  const names = indexes.map(({ spec }) => spec.name).join(', ');
  throw new HakiriError('index.not_built', `Nothing is in the index yet: ${names}`);
}

async function searchIndex(searched: Searched, index: OpenedIndex): Promise<FoundList> {
  const { request, opened, alive, allowed, depth, ties } = searched;
  const started = performance.now();
  if (index.kind === 'fts') {
    const found = searchKeywords({
      index: index,
      text: request.text ?? '',
      allowed,
      k: depth,
      ties,
    });
    const plan: QueryPlan = {
      step: 'keyword',
      detail: `${index.spec.name}: best ${depth} by BM25`,
      estimatedRows: found.postings,
      rows: found.rows.length,
      elapsedMs: performance.now() - started,
    };
    return { kind: 'fts', rows: found.rows, plan };
  }
  const query = queryVector(request.vector, index.spec);

  if (query === undefined) {
    const plan: QueryPlan = {
      step: 'vector',
      detail: `${index.spec.name}: the query has no direction`,
      rows: 0,
    };
    return { kind: 'vector', rows: [], plan };
  }
  const filtered = request.allowed.where !== undefined;
  const { seesAll } = request.allowed;
  const found = await searchVectors({
    opened,
    index,
    alive,
    allowed,
    seesAll,
    filtered,
    query,
    k: depth,
    ties,
  });
  const { way, note, compared, rows } = found;
  const plan: QueryPlan = {
    step: `vector ${way.kind}`,
    detail: [
      `${index.spec.name}: ${way.why}`,
      ...(note === undefined ? [] : [note]),
      `estimated ${way.estimatedMs.toFixed(2)} ms`,
    ].join('; '),
    estimatedRows: way.kind === 'graph' ? way.neighbours : allowed.count,
    rows: compared,
    elapsedMs: performance.now() - started,
  };
  return { kind: 'vector', rows, plan };
}

/** Rows of one score, by run and sequence: wherever they lie, before and after a compaction. */
function identityOrder({ units }: OpenedTable): TieOrder {
  return (unitA, ordinalA, unitB, ordinalB) => {
    const a = units[unitA]!.identities!;
    const b = units[unitB]!.identities!;
    const runA = a.runs[a.runIndexAt(ordinalA)]!;
    const runB = b.runs[b.runIndexAt(ordinalB)]!;
    if (runA !== runB) return runA < runB ? -1 : 1;
    return a.seqAt(ordinalA) - b.seqAt(ordinalB);
  };
}

/** Units have fewer rows. */
const UNIT = 2 ** 32;

function hitsOf(opened: OpenedTable, lists: readonly FoundList[], k: number): readonly SearchHit[] {
  const keys = new Map<number, readonly JsonValue[]>();
  const idOf = ({ unit, ordinal }: ScoredRow): number => unit * UNIT + ordinal;
  const keyOf = (row: ScoredRow): readonly JsonValue[] => {
    const id = idOf(row);
    const key = keys.get(id) ?? opened.units[row.unit]!.identities!.keyAt(row.ordinal);
    keys.set(id, key);
    return key;
  };
  const [only, ...others] = lists;
  const best: readonly Fused<ScoredRow>[] =
    others.length === 0
      ? only!.rows.slice(0, k).map((row, i) => ({ row, score: row.score, ranks: [i + 1] }))
      : fuse(
          lists.map(({ rows }) => rows),
          k,
          idOf,
          (a, b) => compareKeys(keyOf(a), keyOf(b)),
        );
  return best.map(({ row, score, ranks }): SearchHit => {
    const identities = opened.units[row.unit]!.identities!;
    const rankIn = (kind: OpenedIndex['kind']): number =>
      Math.min(...ranks.map((rank, i) => (lists[i]!.kind === kind ? (rank ?? Infinity) : Infinity)));
    const keywordRank = rankIn('fts');
    const vectorRank = rankIn('vector');
    return {
      key: keyOf(row),
      run: identities.runs[identities.runIndexAt(row.ordinal)]!,
      seq: identities.seqAt(row.ordinal),
      score,
      ...(keywordRank < Infinity ? { keywordRank } : {}),
      ...(vectorRank < Infinity ? { vectorRank } : {}),
    };
  });
}
