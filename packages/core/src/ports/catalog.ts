import type { JobId, NodeId, PipelineId, RunId, TableName } from '../ids.ts';
import type { PartEntry, RunManifest, SchemaFingerprint } from '../run-manifest.ts';
import type { SnapshotId, SnapshotManifest } from '../snapshot-manifest.ts';
import type { TableSchema } from '../types/table-schema.ts';
import type { Cursor } from './source.ts';

/** What the store knows without reading its folders. Made again from the manifests when it is lost. */
export interface Catalog {
  /**
   * Takes a run in: run, parts, cursor, schemas and history in one transaction. Taking the same run twice changes
   * nothing; a run older than the last one never moves a cursor or a schema back.
   */
  commitRun(manifest: RunManifest, schemas: ReadonlyMap<SchemaFingerprint, TableSchema>): Promise<void>;
  runIds(): Promise<ReadonlySet<RunId>>;
  /** Takes a snapshot in: from then on the table is that snapshot and the runs it does not cover. */
  commitSnapshot(
    manifest: SnapshotManifest,
    schemas: ReadonlyMap<SchemaFingerprint, TableSchema>,
  ): Promise<void>;
  snapshotIds(): Promise<ReadonlySet<SnapshotId>>;
  /** Oldest first. */
  snapshots(table: TableName): Promise<readonly SnapshotManifest[]>;
  /** Takes in the head of a file of small writes: the table has rows that are in no part yet. */
  commitDelta(head: DeltaHead, schemas: ReadonlyMap<SchemaFingerprint, TableSchema>): Promise<void>;
  runs(table: TableName): Promise<readonly RunManifest[]>;
  /** Runs that no snapshot covers, in order of their ids. */
  uncovered(table: TableName): Promise<readonly RunManifest[]>;
  tables(): Promise<readonly CatalogTable[]>;
  table(name: TableName): Promise<CatalogTable | undefined>;
  /**
   * The table as it was at a time, or once a run was committed.
   * @throws HakiriError query.as_of_gone when its files are collected, naming the oldest time that is left
   */
  tableAsOf(name: TableName, asOf: AsOf): Promise<CatalogTable | undefined>;
  /**
   * Forgets the files of runs and snapshots that are about to be removed from the disk. Runs stay known; snapshots
   * do not.
   */
  collect(gone: {
    readonly runs: readonly RunId[];
    readonly snapshots: readonly SnapshotId[];
  }): Promise<void>;
  /** Forgets collected runs of which nothing is left to tell. */
  drop(runs: readonly RunId[]): Promise<void>;
  /** Runs whose files have been collected. */
  collectedRuns(table: TableName): Promise<ReadonlySet<RunId>>;
  /** Runs that a snapshot has merged and whose files are still there, with the first such snapshot. */
  coveredRuns(
    table: TableName,
  ): Promise<readonly { readonly run: RunId; readonly coveredBy: SnapshotId; readonly bytes: number }[]>;
  /** Undoes a snapshot: the table is its newest other snapshot again, and the runs that one does not cover. */
  retract(snapshot: SnapshotId): Promise<void>;
  /**
   * Puts rewritten manifests in the place of those with the same id, and leaves nothing of the old ones in the
   * catalog's files.
   */
  rewrite(manifests: {
    readonly runs: readonly RunManifest[];
    readonly snapshots: readonly SnapshotManifest[];
  }): Promise<void>;
  cursor(pipeline: PipelineId, sourceTable: string): Promise<CatalogCursor | undefined>;
  schemaHistory(table: TableName): Promise<readonly SchemaChange[]>;

  startJob(job: JobId, pipeline: PipelineId, startedAt: string): Promise<void>;
  endJob(job: JobId, pipeline: PipelineId, end: JobEnd): Promise<void>;
  /** Jobs whose process died: they become `partial_failure` when they committed something, else `failed`. */
  closeAbandonedJobs(endedAt: string): Promise<number>;
  /** Newest first; of each pipeline the last thousand, and what still runs. */
  jobs(): Promise<readonly Job[]>;
  close(): Promise<void>;
}

export interface CatalogTable {
  readonly name: TableName;
  readonly mode: RunManifest['mode'];
  readonly primaryKey: readonly string[];
  readonly incremental: string | null;
  readonly fingerprint: SchemaFingerprint;
  readonly schema: TableSchema;
  readonly greatestOrder: string | null;
  readonly subjectColumns: readonly string[];
  readonly lastRun: RunId;
  readonly lastCommit: string;
  readonly setAside: number;
  readonly pipelines: readonly PipelineId[];
  /** What the view starts from; undefined before the first compaction. */
  readonly snapshot: CatalogSnapshot | undefined;
  /** Parts of the runs that the snapshot does not cover, oldest run first. */
  readonly newer: readonly CatalogRunPart[];
  /** Files of small writes that are not folded yet, oldest first. */
  readonly deltas: readonly CatalogDelta[];
}

export interface CatalogSnapshot {
  readonly manifest: SnapshotManifest;
  readonly parts: readonly CatalogPart[];
}

/** A part with what it holds. */
export interface CatalogPart extends PartEntry {
  readonly columns: TableSchema;
}

export interface CatalogRunPart extends CatalogPart {
  readonly run: RunId;
}

/** Every Parquet part that the view of a table lists. */
export function tableParts(table: CatalogTable): readonly CatalogPart[] {
  return [...(table.snapshot?.parts ?? []), ...table.newer];
}

/** What the view reads of a file of small writes. */
export interface CatalogDelta {
  readonly run: RunId;
  readonly path: string;
  readonly columns: TableSchema;
  /** Only commits up to this time; undefined takes all of them. */
  readonly until?: string;
  /** Only rows of a lower sequence: what the file held at one moment, whatever the clock says. */
  readonly beforeSeq?: number;
}

/**
 * The first line of `data/delta/<node>/<run>.ndjson`. The file is a run that still grows: its rows carry the run's
 * id, and folding it makes that run.
 */
export interface DeltaHead {
  readonly format: 1;
  readonly run: RunId;
  readonly node: NodeId;
  readonly table: TableName;
  readonly mode: RunManifest['mode'];
  readonly primary_key: readonly string[];
  readonly incremental: string | null;
  readonly subject_columns: readonly string[];
  readonly pipeline: PipelineId;
  readonly schema: SchemaFingerprint;
  /** In words, as in a run's manifest. */
  readonly schema_changes: readonly string[];
  /** Of the table before this file. */
  readonly greatest_order: string | null;
  readonly lineage: RunManifest['lineage'];
  readonly started_at: string;
}

/** A moment (ISO 8601, UTC), or a run: then with everything committed before it. */
export type AsOf = { readonly time: string } | { readonly run: RunId };

export interface CatalogCursor {
  readonly cursor: Cursor | null;
  readonly inputSchema: TableSchema;
  readonly run: RunId;
}

export interface SchemaChange {
  readonly run: RunId;
  readonly fingerprint: SchemaFingerprint;
  readonly changes: readonly string[];
  readonly at: string;
}

export type JobState = 'running' | 'done' | 'partial_failure' | 'failed' | 'interrupted';

export interface Job {
  readonly job: JobId;
  readonly pipeline: PipelineId;
  readonly state: JobState;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly errorCode: string | null;
}

export interface JobEnd {
  readonly state: Exclude<JobState, 'running'>;
  readonly endedAt: string;
  readonly errorCode: string | null;
}
