import type { ErrorCode } from '../errors.ts';
import type { TableSchema } from '../types/table-schema.ts';

/**
 * Where records come from. The verbs are those of the connector contract (`discover`, `schema`, `pull`,
 * `commit-cursor`), so that the runner cannot tell a built-in source from a WebAssembly component.
 */
export interface Source {
  discover(): Promise<readonly TableInfo[]>;
  /** What the source itself says of a table's columns; undefined when it says nothing. */
  schema(table: string): Promise<TableSchema | undefined>;
  /** Batches of one table from a cursor on, or from the start. */
  pull(request: PullRequest): AsyncIterable<Batch>;
  /** Called once the rows up to this cursor are durable. */
  commitCursor(table: string, cursor: Cursor): Promise<void>;
  /** What a pull from here would cost, as far as one cheap request can tell. */
  estimate(request: PullRequest): Promise<PullEstimate>;
  close(): Promise<void>;
}

/** Text only the source understands. */
export type Cursor = string;

export interface PullRequest {
  readonly table: string;
  readonly cursor: Cursor | undefined;
  readonly signal: AbortSignal;
}

/**
 * `monotonic`: runs may overlap, the order key decides. `opaque-token` and `snapshot-id`: one writer at a time.
 */
export type CursorKind = 'monotonic' | 'opaque-token' | 'snapshot-id';

export interface TableInfo {
  readonly name: string;
  readonly description?: string;
  readonly primaryKey: readonly string[];
  /** The column that grows when a row changes; dots reach into objects. */
  readonly incremental?: string;
  readonly cursorKind: CursorKind;
  /** Only a source that reads in ascending order may give a cursor in the middle of a pull. */
  readonly readingOrder: 'ascending' | 'unordered';
}

export type Batch = RecordBatch | FileBatch;

interface BatchBase {
  /** What holds once these records, and all before them, are committed. */
  readonly cursor?: Cursor;
  /** The pull is whole: nothing of the table was left out. On the last batch only. */
  readonly complete?: boolean;
  readonly progress?: PullProgress;
  /** What the user should know although it does not stop the run. */
  readonly warnings?: readonly SourceWarning[];
}

export interface RecordBatch extends BatchBase {
  readonly kind: 'records';
  /**
   * Records as NDJSON: one a line, each line ended by a newline. Not checked yet. The source may write over these
   * bytes once the next batch is asked for.
   */
  readonly records: Uint8Array;
  /** Records the source itself could not pass on, a record past the size limit for example. */
  readonly setAside?: readonly SetAside[];
}

/** A file in a format that the engine reads better than we could. */
export interface FileBatch extends BatchBase {
  readonly kind: 'file';
  readonly path: string;
  readonly format: 'csv' | 'parquet';
  readonly sizeBytes: number;
}

/** A record that could not be taken: it goes to the quarantine file with its reason. */
export interface SetAside {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly column?: string;
  /** The record as it came; cut when it was past the size limit. Empty where nothing of it may be kept. */
  readonly record: Uint8Array;
  /** In place of a record that may not be kept: a keyed digest of its key, or of its bytes where it tells none. */
  readonly digest?: string;
}

export interface PullProgress {
  readonly done: number;
  readonly total?: number;
  readonly unit: 'pages' | 'files' | 'bytes';
}

export interface SourceWarning {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface PullEstimate {
  readonly pages?: number;
  readonly files?: number;
  readonly bytes?: number;
  /** The first batch, to tell how the schema would change. */
  readonly sample?: Batch;
}
