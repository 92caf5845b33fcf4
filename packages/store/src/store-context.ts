import type { Catalog, Clock, Files, NodeId, Partitioning, RunId, TableName } from '@hakiri/core';
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
  /** Writes the table's view as the catalog has it now. */
  writeView(table: { readonly name: TableName }): Promise<void>;
  settings(table: TableName): TableSettings;
}

/** What the manifest says of how a table is kept. */
export interface TableSettings {
  readonly partitioning: Partitioning | undefined;
  /** How long superseded snapshots and merged runs are kept for reading the past, milliseconds. */
  readonly retentionMs: number;
  /** How long deletes are remembered, milliseconds. */
  readonly tombstoneRetentionMs: number;
}
