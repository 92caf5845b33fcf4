import type { Catalog, CatalogTable, Clock, Files, NodeId, RunId } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import type { Layout } from './disk/layout.ts';

/** What the parts of a store share. */
export interface StoreContext {
  readonly files: Files;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly node: NodeId;
  readonly paths: Layout;
  /** A run id greater than `after`, whatever the clock says. */
  newRunId(after: RunId | undefined): RunId;
  writeView(table: CatalogTable): Promise<void>;
}
