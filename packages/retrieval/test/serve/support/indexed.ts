import {
  BUILT_IN_DIMS,
  BUILT_IN_MODEL,
  type CatalogTable,
  type Embedder,
  type IndexSpec,
  type TableName,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { layout, nodeFiles } from '@hakiri/store';
import { hashingEmbedder } from '../../../src/embed/index.ts';
import { createIndexes } from '../../../src/indexes/index-service.ts';
import type { SearchServices } from '../../../src/serve/search-services.ts';
import { ISSUES, PROJECT } from './world.ts';

/** A text and a vector index over the title of an issue. */
export const ISSUE_INDEXES: readonly IndexSpec[] = [
  { kind: 'fts', name: 'fts', columns: ['title'], analyzer: 'english' },
  {
    kind: 'vector',
    name: 'vec',
    columns: ['title'],
    model: BUILT_IN_MODEL,
    dims: BUILT_IN_DIMS,
    metric: 'cosine',
    scan: 'int8',
  },
];

export interface IndexedOptions {
  readonly specs?: Readonly<Record<string, readonly IndexSpec[]>>;
  readonly embedder?: Embedder;
}

/** What a store publishes with its parts, and what a search needs. */
export function indexed(
  root: string,
  engine: Engine,
  { specs = { [ISSUES]: ISSUE_INDEXES }, embedder = hashingEmbedder() }: IndexedOptions = {},
) {
  const specsOf = (table: TableName): readonly IndexSpec[] => specs[table] ?? [];
  const indexes = createIndexes({
    paths: layout(root, PROJECT),
    files: nodeFiles,
    engine,
    specsOf,
    embedder: async () => embedder,
  });
  const search: SearchServices = {
    indexes: specsOf,
    indexed: indexes.indexedTable,
    behind: indexes.behind,
    embedder: async () => embedder,
  };
  return {
    search,
    sidecars: indexes.sidecars,
    catchUp: indexes.catchUp,
    erasureTargets: (tables: () => Promise<readonly CatalogTable[]>) => indexes.erasureTargets(tables),
  };
}
