import type { OpenedTable, OpenedVectorIndex, RowIdentities, TableRows } from '../indexes/opened-table.ts';
import { hasRow, type RowSet, rowSetFromWords } from '../sets/row-set.ts';
import {
  compareRows,
  exactScores,
  type Graph,
  openGraph,
  type ScannedUnit,
  type ScoredRow,
  scanVectors,
  type TieOrder,
} from '../vector/index.ts';
import { planVectors, SECOND_TRY, type VectorWay } from './planner.ts';

/**
 * Shares of a graph's list, from its beginning, in which the hits wanted must be found. Towards its end a list has
 * gaps, and away from where most of it lies: there stands what is allowed where filter and query disagree. That they
 * do is likely once a first try has failed.
 */
const FIRST_TRUSTED = 1 / 2;
const SECOND_TRUSTED = 1 / 4;
/** Of the hits wanted: with fewer in all of the first list, there will not be enough in the trusted part of a longer one. */
const WORTH_ASKING_AGAIN = 3 / 4;

/** How far a score in 16 bits is off the exact one, at most. */
const GRAPH_ERROR = 4e-3;

export interface VectorSearch {
  readonly opened: OpenedTable;
  readonly index: OpenedVectorIndex;
  /** Alive rows that the grant sees. */
  readonly seen: TableRows;
  readonly allowed: TableRows;
  readonly seesAll: boolean;
  readonly filtered: boolean;
  /** Of length 1. */
  readonly query: Float32Array;
  readonly k: number;
  readonly ties: TieOrder;
}

export interface VectorFound {
  /** Best first; the score is the cosine. */
  readonly rows: readonly ScoredRow[];
  readonly way: VectorWay;
  /** What happened, where the way was left. */
  readonly note: string | undefined;
  /** Vectors that were compared: scanned, or neighbours in the graph. */
  readonly compared: number;
}

/** The allowed rows whose vectors are nearest. @throws HakiriError index.damaged, store.io */
export async function searchVectors(search: VectorSearch): Promise<VectorFound> {
  const { index, seen, allowed, seesAll, filtered, k } = search;
  const graph = seesAll ? await openGraph(index.graph, index.spec) : 'not asked';
  const way = planVectors({
    rows: seen.count,
    allowed: allowed.count,
    seesAll,
    filtered,
    dims: index.spec.dims,
    k,
    graph: typeof graph === 'string' ? graph : graph.vectors,
  });
  if (way.kind === 'exact' || typeof graph === 'string') return { ...scanned(search), way, note: undefined };

  const wanted = Math.min(k, allowed.count);
  const first = ask(search, graph, way.neighbours);
  if (allowedWithin(first, FIRST_TRUSTED) >= wanted) {
    return { ...withRest(search, graph, first), way, note: undefined };
  }
  if (first.hits.length >= wanted * WORTH_ASKING_AGAIN) {
    const second = ask(search, graph, Math.min(graph.vectors, way.neighbours * SECOND_TRY));
    if (allowedWithin(second, SECOND_TRUSTED) >= wanted) {
      return { ...withRest(search, graph, second), way, note: `asked again for ${second.neighbours}` };
    }
  }
  return { ...scanned(search), way, note: 'too few neighbours were allowed: exact' };
}

type Compared = Pick<VectorFound, 'rows' | 'compared'>;

function scanned(search: VectorSearch): Compared {
  const units = scannedUnits(search, (_, rows) => rows);
  const found = scanVectors(search.query, units, search.k, search.ties);
  return { rows: found.rows, compared: found.scanned };
}

/** What a graph answered. */
interface Asked {
  readonly neighbours: number;
  /** Those that are allowed, best first. */
  readonly hits: readonly ScoredRow[];
  /** Places of the hits in the graph's list, from 0. */
  readonly places: readonly number[];
}

function ask({ opened, index, allowed, query }: VectorSearch, graph: Graph, neighbours: number): Asked {
  const hits: ScoredRow[] = [];
  const places: number[] = [];
  graph.nearest(query, neighbours).forEach(({ run, seq, score }, i) => {
    const place = opened.place(run, seq);
    if (!place || !index.units[place.unit] || !hasRow(allowed.units[place.unit]!, place.ordinal)) return;
    hits.push({ ...place, score });
    places.push(i);
  });
  return { neighbours, hits, places };
}

const allowedWithin = ({ places, neighbours }: Asked, share: number): number =>
  places.filter((place) => place < neighbours * share).length;

/** The best of what the graph found and of the rows that it does not hold. */
function withRest(search: VectorSearch, graph: Graph, { hits, neighbours }: Asked): Compared {
  const { opened, index, query, k, ties } = search;
  const rows = exactScores(
    query,
    hits,
    (unit) => index.units[unit]!,
    ties,
    k,
    () => GRAPH_ERROR,
  );
  const beside = scannedUnits(search, (unit, allowed) => {
    const { identities } = opened.units[unit]!;
    return identities ? rest(allowed, graph, identities) : allowed;
  });
  if (beside.length === 0) return { rows, compared: neighbours };
  const found = scanVectors(query, beside, k, ties);
  const both = [...rows, ...found.rows].sort((a, b) => compareRows(a, b, ties));
  return { rows: both.slice(0, k), compared: neighbours + found.scanned };
}

/** Units of the index in which there is something to scan. */
function scannedUnits(
  { index, allowed }: VectorSearch,
  wanted: (unit: number, rows: RowSet) => RowSet,
): readonly ScannedUnit[] {
  return index.units.flatMap((segment, unit) => {
    if (!segment || allowed.units[unit]!.count === 0) return [];
    const rows = wanted(unit, allowed.units[unit]!);
    return rows.count === 0 ? [] : [{ unit, segment, rows }];
  });
}

const rests = new WeakMap<RowSet, { readonly graph: Graph; readonly rows: RowSet }>();

/** Of rows, those that the graph does not hold. Sets are memoised by who makes them, and so are these. */
function rest(rows: RowSet, graph: Graph, identities: RowIdentities): RowSet {
  const known = rests.get(rows);
  if (known?.graph === graph) return known.rows;
  const held = graph.holds(identities).words;
  const left = rowSetFromWords(
    rows.rows,
    rows.words.map((word, i) => word & ~held[i]!),
  );
  rests.set(rows, { graph, rows: left });
  return left;
}
