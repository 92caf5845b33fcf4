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

/** How far a score in 16 bits is off the exact one, at most. */
const GRAPH_ERROR = 4e-3;

export interface VectorSearch {
  readonly opened: OpenedTable;
  readonly index: OpenedVectorIndex;
  readonly alive: TableRows;
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
  const { index, alive, allowed, seesAll, filtered, query, k, ties } = search;
  const graph = seesAll ? await openGraph(index.graph, index.spec) : 'not asked';
  const way = planVectors({
    rows: alive.count,
    allowed: allowed.count,
    seesAll,
    filtered,
    dims: index.spec.dims,
    k,
    graph: typeof graph === 'string' ? graph : graph.vectors,
  });
  if (way.kind === 'graph' && typeof graph === 'object') {
    const first = fromGraph(search, graph, way.neighbours, FIRST_TRUSTED);
    if (first) return { ...first, way, note: undefined };
    const more = Math.min(graph.vectors, way.neighbours * SECOND_TRY);
    const second = fromGraph(search, graph, more, SECOND_TRUSTED);
    if (second) return { ...second, way, note: `asked again for ${more} neighbours` };
  }
  const units = scannedUnits(search, (_, rows) => rows);
  const note = way.kind === 'graph' ? 'too few neighbours were allowed: exact' : undefined;
  const { rows, scanned } = scanVectors(query, units, k, ties);
  return { rows, compared: scanned, way, note };
}

/** Undefined where too few of the neighbours in the trusted share are allowed: the best may be missing. */
function fromGraph(
  { opened, index, allowed, query, k, ties, ...search }: VectorSearch,
  graph: Graph,
  neighbours: number,
  trusted: number,
): Pick<VectorFound, 'rows' | 'compared'> | undefined {
  const hits: ScoredRow[] = [];
  let amongTrusted = 0;
  graph.nearest(query, neighbours).forEach(({ run, seq, score }, rank) => {
    const place = opened.place(run, seq);
    if (!place || !index.units[place.unit] || !hasRow(allowed.units[place.unit]!, place.ordinal)) return;
    hits.push({ ...place, score });
    if (rank < neighbours * trusted) amongTrusted++;
  });
  if (amongTrusted < Math.min(k, allowed.count)) return undefined;
  const beside = scannedUnits({ opened, index, allowed, query, k, ties, ...search }, (unit, rows) => {
    const identities = opened.units[unit]!.identities;
    return identities ? rest(rows, graph, identities) : rows;
  });
  const exact = exactScores(query, hits, (unit) => index.units[unit]!, ties, k, GRAPH_ERROR);
  if (beside.length === 0) return { rows: exact, compared: neighbours };
  const { rows, scanned } = scanVectors(query, beside, k, ties);
  const both = [...exact, ...rows].sort((a, b) => compareRows(a, b, ties));
  return { rows: both.slice(0, k), compared: neighbours + scanned };
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
