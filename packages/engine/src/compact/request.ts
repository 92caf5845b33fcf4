import type { ColumnStatistics, JsonValue, RunId, TableSchema } from '@hakiri/core';

/**
 * A table to be merged: what its snapshot holds (`base`, at most one row a key) and what came since (`newer`).
 * Paths are absolute. Every part carries the provenance columns beside `columns`.
 */
export interface CompactRequest {
  readonly base: readonly CompactBasePart[];
  readonly newer: readonly CompactPart[];
  /** The table's columns: every part is written with these, each cast by name. */
  readonly schema: TableSchema;
  /** Empty for a table in which every row stands for itself. */
  readonly primaryKey: readonly string[];
  /** Tombstones of runs before this one are left out of what is rewritten. */
  readonly dropTombstonesBefore: RunId | undefined;
  /** Null: the table is one partition without a name. */
  readonly partitioning: CompactPartitioning | null;
  /** Rewrite every partition: the first snapshot, or one that is cut in another way than its parent. */
  readonly rewriteAll: boolean;
  /** Folder of the new snapshot. Nothing is written outside; `.compact-tmp` in it is removed at the end. */
  readonly output: string;
  /** A part holds at most so many rows, and fewer where the rows are wide: it is sorted in memory. */
  readonly targetPartRows: number;
  /** What the engine may take; the process around it adds about 100 MB. At least 100 MB; from 200 MB a part may be as large as it should, sorted through the disk. */
  readonly memoryLimitBytes: number;
}

/** A part with what it holds. */
export interface CompactPart {
  readonly path: string;
  readonly columns: TableSchema;
  readonly rows: number;
}

export interface CompactBasePart extends CompactPart {
  /** Label of the partition it belongs to; empty where the table has none. */
  readonly partition: string;
  /** Bounds of the key columns in its partition, where known: partitions without any of the keys are not read. */
  readonly keyBounds?: Readonly<Record<string, { readonly min: JsonValue; readonly max: JsonValue }>>;
}

export type CompactPartitioning =
  /** A partition a value. Values with fewer rows than `minRows` share `_mixed`, once `maxPartitions` is reached all do. */
  | {
      readonly kind: 'by';
      /** Dots reach into structs. */
      readonly column: string;
      readonly minRows: number;
      readonly maxPartitions: number;
    }
  /** Rows whose time is at or past the boundary in `label`, all others in `archive`. */
  | {
      readonly kind: 'recent';
      readonly column: string;
      /** `recent_<n>d` */
      readonly label: string;
      /** ISO 8601, UTC. */
      readonly boundary: string;
      /** Whether `base` was cut at another boundary, so that rows may have to change sides. */
      readonly dirty: boolean;
    };

export interface CompactResult {
  readonly partitions: readonly CompactedPartition[];
  /** Partitions of `base` that stay as they are. A partition in neither list has no row left. */
  readonly unchanged: readonly string[];
  /** Greatest `_hakiri_order` of the newer parts; null where they hold no row. */
  readonly greatestOrder: string | null;
}

export interface CompactedPartition {
  readonly partition: string;
  readonly parts: readonly CompactedPart[];
  /** Tombstones included. */
  readonly rows: number;
  readonly tombstones: number;
  /** Scalar columns only. */
  readonly columns: Readonly<Record<string, ColumnStatistics>>;
}

export interface CompactedPart {
  /** Relative to the output folder. */
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  /** See `PartEntry.key_range`; null where the bounds are not short. */
  readonly keyRange: readonly [string, string] | null;
}
