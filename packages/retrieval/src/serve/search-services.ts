import type { CatalogTable, Embedder, IndexSpec, TableName, VectorIndexSpec } from '@hakiri/core';
import type { IndexedTable } from '../indexes/indexed-table.ts';

/** What a search needs beside the engine; a build without search has none of it. */
export interface SearchServices {
  /** As they are declared, and their twins: see `visibleIndexes`. */
  indexes(table: TableName): readonly IndexSpec[];
  /** The table with what serves of its indexes. */
  indexed(table: CatalogTable): Promise<IndexedTable>;
  /** Cheap: asked with every answer. */
  behind(table: CatalogTable): Promise<readonly { readonly name: string; readonly rowsBehind: number }[]>;
  /** @throws HakiriError embedding.unknown_model, embedding.zone_refused, secret.missing */
  embedder(table: TableName, spec: VectorIndexSpec): Promise<Embedder>;
}
