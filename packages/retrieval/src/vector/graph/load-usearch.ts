import type { Index } from 'usearch';
import type { VectorKind } from '../vector-segment.ts';

export type Usearch = typeof import('usearch');

let loading: Promise<Usearch | undefined> | undefined;

/** The engine of graphs; undefined on a platform that it has no binary for. */
export function loadUsearch(): Promise<Usearch | undefined> {
  loading ??= import('usearch').catch(() => undefined);
  return loading;
}

/** Of the package; a graph that another one wrote is made again. */
export const USEARCH_VERSION = '2.26.2';

const CONNECTIVITY = 16;
const EXPANSION_ADD = 128;
const EXPANSION_SEARCH = 96;

export function emptyIndex({ Index, MetricKind, ScalarKind }: Usearch, { dims }: VectorKind): Index {
  return new Index({
    dimensions: dims,
    metric: MetricKind.Cos,
    quantization: ScalarKind.F16,
    connectivity: CONNECTIVITY,
    expansion_add: EXPANSION_ADD,
    expansion_search: EXPANSION_SEARCH,
    multi: false,
  });
}
