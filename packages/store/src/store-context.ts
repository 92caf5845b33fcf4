import type {
  Catalog,
  CatalogTable,
  Clock,
  ErasureTarget,
  Files,
  NodeId,
  Partitioning,
  RunId,
  SidecarBuilder,
  TableName,
} from '@hakiri/core';
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
  /** To be called once something about a table is in the catalog: writes its view, brings its sidecar up to date. */
  published(table: { readonly name: TableName }): Promise<void>;
  /** To be called once small writes are on the disk. */
  afterSmallWrite(table: CatalogTable): void;
  settings(table: TableName): TableSettings;
  readonly sidecars: SidecarBuilder | undefined;
  readonly erasureTargets: readonly ErasureTarget[];
}

/** What the manifest says of how a table is kept. */
export interface TableSettings {
  readonly partitioning: Partitioning | undefined;
  /** How long superseded snapshots and merged runs are kept for reading the past, milliseconds. */
  readonly retentionMs: number;
  /** How long deletes are remembered, milliseconds. */
  readonly tombstoneRetentionMs: number;
}
