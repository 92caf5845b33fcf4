import type { JobId, PipelineId, RunId, TableName } from '../ids.ts';
import type { TableSchema } from '../types/table-schema.ts';
import type { TableRedactor } from './redaction.ts';
import type { Cursor, SetAside } from './source.ts';

/** Where records go: one writer per table of a run. Nothing is visible before `commit`. */
export interface Destination {
  openTable(target: TableTarget): Promise<TableWriter>;
}

export interface TableTarget {
  readonly job: JobId;
  readonly pipeline: PipelineId;
  /** The table's name at the source; the cursor belongs to pipeline and source table. */
  readonly sourceTable: string;
  readonly table: TableName;
  readonly mode: TableMode;
  readonly primaryKey: readonly string[];
  /** Column whose value decides which row is newer; dots reach into structs. */
  readonly incremental: string | undefined;
  /** See `RunManifest.subject_columns`. */
  readonly subjectColumns: readonly string[];
  readonly onConflict: ConflictAction;
  /** Columns the manifest or the source declares: they hold whatever the data looks like. */
  readonly declared: TableSchema;
  /** A SELECT over `input`, compiled from the manifest's transforms. */
  readonly transform: string | undefined;
  readonly lineage: Lineage;
  /** Records come redacted already; files, and what is set aside, go through it. Undefined: nothing is sensitive. */
  readonly redactor?: TableRedactor | undefined;
}

/**
 * `merge`: one row a key, the newest wins. `append`: every row counts. `replace`: as merge, and a whole pull deletes
 * what it did not hold.
 */
export type TableMode = 'merge' | 'append' | 'replace';
export type ConflictAction = 'quarantine' | 'json';

/** Who made the rows. */
export interface Lineage {
  readonly connector: string;
  readonly connectorVersion: string;
  readonly author: string;
  /** SHA-256 of the component; null for a connector that is built in. */
  readonly componentHash: string | null;
  /** SHA-256 of the manifest that was in force. */
  readonly manifestHash: string;
}

export interface TableWriter {
  /** Of the last commit; undefined at the first run. */
  readonly cursor: Cursor | undefined;
  /** The shape of the records as last committed, before any transform. */
  readonly inputSchema: TableSchema;
  /** Converts a spool or a file into a part. Rows that do not fit are set aside and counted. */
  writePart(input: PartInput): Promise<PartOutcome>;
  /** Writes records to the quarantine file of the run. */
  setAside(records: readonly SetAside[]): Promise<void>;
  /**
   * Makes the parts since the last commit visible, with the cursor, at once. Undefined when there was nothing.
   * `whole`: the commits of this writer hold the whole table, so a `replace` table loses every other row.
   */
  commit(cursor: Cursor | undefined, whole?: boolean): Promise<Commit | undefined>;
  /** Removes what was not committed. */
  discard(): Promise<void>;
}

export type PartInput = SpoolInput | FileInput;

/** Records whose every value was checked against `schema`: the engine's casts are silent. */
export interface SpoolInput {
  readonly kind: 'records';
  readonly path: string;
  readonly rows: number;
  readonly largestRecordBytes: number;
  readonly schema: TableSchema;
  /** Whether any record carries `_hakiri_deleted`, a boolean: true makes it a tombstone of its key. */
  readonly deletes: boolean;
}

export interface FileInput {
  readonly kind: 'file';
  readonly path: string;
  readonly format: 'csv' | 'parquet';
}

export interface PartOutcome {
  readonly rows: number;
  readonly setAside: number;
  /** Columns of a file whose values were left out because the manifest does not name them. */
  readonly unnamed?: readonly string[];
}

export interface Commit {
  readonly run: RunId;
  readonly rows: number;
  readonly parts: number;
  readonly bytes: number;
  readonly setAside: number;
  /** Absolute path; undefined when nothing was set aside. */
  readonly quarantine: string | undefined;
  readonly schemaChanges: readonly string[];
  /** Rows left out because they were forgotten for good; missing when there were none. */
  readonly forgotten?: number;
}
