import type { JobId, PipelineId, RunId, TableName } from '../ids.ts';
import type { PartEntry, RunManifest, SchemaFingerprint } from '../run-manifest.ts';
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
  runs(table: TableName): Promise<readonly RunManifest[]>;
  tables(): Promise<readonly CatalogTable[]>;
  table(name: TableName): Promise<CatalogTable | undefined>;
  cursor(pipeline: PipelineId, sourceTable: string): Promise<CatalogCursor | undefined>;
  schemaHistory(table: TableName): Promise<readonly SchemaChange[]>;

  startJob(job: JobId, pipeline: PipelineId, startedAt: string): Promise<void>;
  endJob(job: JobId, pipeline: PipelineId, end: JobEnd): Promise<void>;
  /** Jobs whose process died: they become `partial_failure` when they committed something, else `failed`. */
  closeAbandonedJobs(endedAt: string): Promise<number>;
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
  readonly lastRun: RunId;
  readonly lastCommit: string;
  readonly setAside: number;
  readonly pipelines: readonly PipelineId[];
  /** Every part that the view lists, oldest run first, with what it holds. */
  readonly parts: readonly CatalogPart[];
}

export interface CatalogPart extends PartEntry {
  readonly run: RunId;
  readonly columns: TableSchema;
}

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
