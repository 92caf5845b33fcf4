/** What the planner knows of the vector part of a search. */
export interface VectorQuestion {
  /** Alive rows of the table that the grant sees. */
  readonly rows: number;
  /** Alive rows that may be found. */
  readonly allowed: number;
  readonly seesAll: boolean;
  readonly filtered: boolean;
  readonly dims: number;
  /** Hits wanted. */
  readonly k: number;
  /** Vectors in the graph, or why there is none to ask. */
  readonly graph: number | string;
}

export type VectorWay =
  | { readonly kind: 'exact'; readonly why: string; readonly estimatedMs: number }
  | {
      readonly kind: 'graph';
      readonly why: string;
      readonly estimatedMs: number;
      /** Neighbours to ask for, so that enough of them are allowed. */
      readonly neighbours: number;
    };

/** Below this a scan of everything is as fast as a graph. */
export const SMALLEST_GRAPH_ROWS = 5_000;
const FEW_ALLOWED_ROWS = 20_000;
/** Neighbours asked for, for each hit wanted, where every row is allowed. */
const NEIGHBOURS_PER_HIT = 3;
/** So many times more are asked for once, where too few of them were allowed. */
export const SECOND_TRY = 4;

/**
 * How to look for the nearest vectors; the first rule that fits. A graph is asked before the filter, so it is only
 * worth it where the filter lets much through, and what it finds is counted: selectivity alone says nothing where
 * filter and query disagree. A grant that does not see every row never gets an answer that rows it may not see had a
 * part in.
 */
export function planVectors(question: VectorQuestion): VectorWay {
  const { rows, allowed, seesAll, filtered, dims, k, graph } = question;
  const exactMs = exactScanMs(allowed, dims);
  const exact = (why: string): VectorWay => ({ kind: 'exact', why, estimatedMs: exactMs });
  if (!seesAll) return exact('the grant may not see every row');
  if (typeof graph === 'string') return exact(graph);
  const selectivity = rows === 0 ? 0 : allowed / rows;
  if (!filtered) {
    if (rows <= SMALLEST_GRAPH_ROWS) return exact(`at most ${SMALLEST_GRAPH_ROWS} rows`);
    const neighbours = neighboursFor(k, 1, graph);
    return { kind: 'graph', why: 'no filter', neighbours, estimatedMs: graphMs(neighbours) };
  }
  if (allowed <= FEW_ALLOWED_ROWS) return exact(`at most ${FEW_ALLOWED_ROWS} rows allowed`);
  if (selectivity < (2 * 42) / Math.sqrt(rows)) return exact('few of the rows allowed');
  const neighbours = neighboursFor(k, selectivity, graph);
  const estimatedMs = graphMs(neighbours);
  if (exactMs < estimatedMs) return exact('asking the graph for enough neighbours would take longer');
  return { kind: 'graph', why: 'many of the rows allowed', neighbours, estimatedMs };
}

function neighboursFor(k: number, selectivity: number, graph: number): number {
  return Math.min(graph, Math.ceil((NEIGHBOURS_PER_HIT * k) / selectivity));
}

/** Measured, in ms: a scan of bytes and the comparison of floats. */
const exactScanMs = (rows: number, dims: number): number => 0.05 + (rows * (18 + 0.06 * dims)) / 1e6;

/** Measured, in ms: a graph asked for so many neighbours that go through a filter. */
const graphMs = (neighbours: number): number => 0.2 + (neighbours * 2.4) / 1e3;

/** When a graph is worth making again: so many rows that are not in it are scanned beside it. */
const REST_SHARE = 0.2;
const REST_ROWS = 20_000;

/** Whether a graph should be made. @param inGraph rows alive that the graph there is holds; 0 where there is none */
export function graphDue(alive: number, inGraph: number): boolean {
  if (alive <= SMALLEST_GRAPH_ROWS) return false;
  const rest = alive - inGraph;
  return rest > alive * REST_SHARE || rest > REST_ROWS;
}
