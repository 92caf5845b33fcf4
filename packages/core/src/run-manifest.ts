import type { JobId, NodeId, PipelineId, RunId, TableName } from './ids.ts';
import type { Lineage, TableMode } from './ports/destination.ts';
import type { Cursor } from './ports/source.ts';

/** SHA-256 of a schema's canonical Arrow JSON, lower-case hex: the name of its file. */
export type SchemaFingerprint = string;

/**
 * `_manifest.json` of a run: the commit point. Immutable; everything the catalog knows of a run is in it, so that
 * a lost catalog can be made again. Paths are relative to the store's folder.
 */
export interface RunManifest {
  readonly format: 1;
  readonly run: RunId;
  readonly job: JobId;
  readonly node: NodeId;
  readonly table: TableName;
  readonly mode: TableMode;
  readonly primary_key: readonly string[];
  readonly incremental: string | null;
  /** Columns whose value names the person or thing a row is about: what `forget --subject` looks at. */
  readonly subject_columns: readonly string[];
  readonly pipeline: PipelineId;
  readonly source_table: string;
  readonly parts: readonly PartEntry[];
  /** The table's schema after this run. */
  readonly schema: SchemaFingerprint;
  /** In words; empty when the run changed nothing. */
  readonly schema_changes: readonly string[];
  /** The records' shape before any transform. */
  readonly input_schema: SchemaFingerprint;
  readonly cursor: { readonly before: Cursor | null; readonly after: Cursor | null };
  /** Greatest order value of the table up to and with this run; what a later row without a value inherits. */
  readonly greatest_order: string | null;
  /** The small writes that this run was folded from; null for any other run. */
  readonly delta: { readonly path: string } | null;
  readonly quarantine: { readonly path: string; readonly rows: number } | null;
  readonly lineage: Lineage;
  /** Generation of the pipeline's lease; 0 without sync. */
  readonly lease_generation: number;
  readonly started_at: string;
  readonly committed_at: string;
}

export interface PartEntry {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  /** What the file holds; a column of the table that is missing here is null in all its rows. */
  readonly schema: SchemaFingerprint;
  /**
   * Bounds of the first key column, as text; absent where they are not known or not short. A text bound may be
   * wider than its values.
   */
  readonly key_range?: readonly [string, string];
  /** No row's `_hakiri_order` is less; absent where it is not known or not short. */
  readonly least_order?: string;
}
