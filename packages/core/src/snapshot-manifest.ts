import type { NodeId, RunId, TableName } from './ids.ts';
import type { Partitioning } from './partitioning.ts';
import type { TableMode } from './ports/destination.ts';
import type { JsonValue } from './ports/serve.ts';
import type { PartEntry, SchemaFingerprint } from './run-manifest.ts';

declare const brand: unique symbol;
/** `<utc>-<node>`, dashes for colons: the name of the snapshot's folder after `snapshot=`. Grows within a table. */
export type SnapshotId = string & { readonly [brand]: 'SnapshotId' };

/**
 * `_manifest.json` of a snapshot: what a table was once `covers` were merged, one row a key. Partitions that did
 * not change are carried by reference: their parts lie in the folders of older snapshots. Paths are relative to
 * the store's folder.
 */
export interface SnapshotManifest {
  readonly format: 1;
  readonly snapshot: SnapshotId;
  readonly node: NodeId;
  readonly table: TableName;
  readonly parent: SnapshotId | null;
  readonly mode: TableMode;
  readonly primary_key: readonly string[];
  readonly incremental: string | null;
  readonly subject_columns: readonly string[];
  readonly partitioning: Partitioning | null;
  /** Of `recent` partitioning: rows from before this time lie in `archive`. */
  readonly boundary: string | null;
  /**
   * Every run merged here, by id; those from before `horizon` only while something of them is still on the disk.
   */
  readonly covers: readonly RunId[];
  /** Time before which tombstones are gone: an older run that is not covered is refused. */
  readonly horizon: string;
  /** The table's schema when the snapshot was made. */
  readonly schema: SchemaFingerprint;
  readonly greatest_order: string | null;
  readonly partitions: readonly SnapshotPartition[];
  /** Manifests of covered runs, an NDJSON line a run: what is left of a run once its folder is collected. */
  readonly ledger: readonly LedgerEntry[];
  /** Tombstones included. */
  readonly rows: number;
  readonly tombstones: number;
  readonly created_at: string;
}

export interface SnapshotPartition {
  /** Folder name: `<column>=<value>`, `_mixed`, `recent_<n>d`, `archive`; empty where the table has no partitions. */
  readonly partition: string;
  readonly parts: readonly PartEntry[];
  readonly rows: number;
  readonly tombstones: number;
  /** By column. Only scalar columns, and only values that are short. */
  readonly columns: Readonly<Record<string, ColumnStatistics>>;
}

export interface ColumnStatistics {
  /** In the one JSON form of values; null when every value is null or the bound is too long to keep. */
  readonly min: JsonValue;
  readonly max: JsonValue;
  readonly nulls: number;
  /** An estimate. */
  readonly distinct: number;
}

export interface LedgerEntry {
  readonly path: string;
  readonly runs: number;
  readonly bytes: number;
  readonly sha256: string;
}
