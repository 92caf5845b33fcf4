import type { CatalogTable, Embedder, Freshness, IndexSpec } from '@hakiri/core';
import type { IndexedTable } from '../indexes/indexed-table.ts';

/** What a search needs beside the engine; a build without search has none of it. */
export interface SearchParts {
  /** Tables that have indexes, with the columns that these are over. */
  indexedTables(): readonly { readonly table: string; readonly columns: readonly string[] }[];
  /** As they are declared. */
  indexes(table: CatalogTable['name']): readonly IndexSpec[];
  /** What of the declared indexes serves. @throws HakiriError index.not_built */
  indexed(table: CatalogTable): Promise<IndexedTable>;
  /** Cheap: asked with every answer. */
  behind(table: CatalogTable): Promise<Freshness['indexes']>;
  /** @throws HakiriError embedding.unknown_model */
  embedder(model: string): Promise<Embedder>;
}
