import type { CatalogTable, Embedder, Freshness, IndexSpec, TableName, VectorIndexSpec } from '@hakiri/core';
import type { IndexedTable } from '../indexes/indexed-table.ts';

/** What a search needs beside the engine; a build without search has none of it. */
export interface SearchServices {
  /** As they are declared. */
  indexes(table: TableName): readonly IndexSpec[];
  /** The table with what serves of its indexes. */
  indexed(table: CatalogTable): Promise<IndexedTable>;
  /** Cheap: asked with every answer. */
  behind(table: CatalogTable): Promise<Freshness['indexes']>;
  /** @throws HakiriError embedding.unknown_model, embedding.zone_refused, secret.missing */
  embedder(table: TableName, spec: VectorIndexSpec): Promise<Embedder>;
}
