import type { AsOf } from './catalog.ts';

/** The one way out: everything that reads the store asks here. */
export interface Serve {
  query(request: QueryRequest, grant: Grant): Promise<Answer>;
  tables(grant: Grant): Promise<readonly TableSummary[]>;
  describe(table: string, grant: Grant): Promise<TableDescription>;
  /** Writes a file that opens without Hakiri; whatever the size, in bounded memory. */
  export(request: ExportRequest, grant: Grant): Promise<Exported>;
  close(): Promise<void>;
}

/** What a caller may do. Until tokens exist there is one: the owner, at the command line. */
export interface Grant {
  readonly subject: string;
  readonly owner: true;
}

export const OWNER_GRANT: Grant = { subject: 'owner', owner: true };

export type QueryRequest = RowsRequest & QueryLimits;

export type RowsRequest = (SqlRequest | StructuredRequest) & {
  /** The tables as they were then; now when undefined. */
  readonly asOf?: AsOf;
};

export interface SqlRequest {
  readonly sql: string;
}

export interface StructuredRequest {
  readonly table: string;
  /** Columns, dots reaching into structs; all when empty. */
  readonly select?: readonly string[];
  /** In the predicate language. */
  readonly filter?: string;
  /** `column` or `column desc`. */
  readonly orderBy?: readonly string[];
}

export interface QueryLimits {
  readonly limit?: number;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

export type ExportRequest = (RowsExport | ArchiveExport) & { readonly signal?: AbortSignal };

/** The rows of a query. */
export interface RowsExport {
  readonly kind: 'rows';
  readonly rows: RowsRequest;
  readonly format: ExportFormat;
  /** Absolute path of the file to write. What is left there after an error is the caller's to remove. */
  readonly output: string;
  readonly timeoutMs?: number;
}

export type ExportFormat = 'parquet' | 'csv' | 'ndjson';

/** Tables as they lie on the disk, as one tar. */
export interface ArchiveExport {
  readonly kind: 'archive';
  /** All of them when undefined. */
  readonly tables?: readonly string[];
  /** Takes the archive piece by piece; the next one waits until it has. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface Exported {
  /** Of a query; undefined for an archive. */
  readonly rows: number | undefined;
  /** In the archive; 1 for rows. */
  readonly files: number;
  readonly bytes: number;
}

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

export interface Answer {
  readonly columns: readonly AnswerColumn[];
  /** 64-bit integers past 2^53 and decimals are strings, bytes are base64, times are ISO 8601. */
  readonly rows: readonly (readonly JsonValue[])[];
  /** Which limit cut the answer short, if one did. */
  readonly truncated: false | 'rows' | 'bytes';
  readonly elapsedMs: number;
}

export interface AnswerColumn {
  readonly name: string;
  readonly type: string;
}

export interface TableSummary {
  readonly name: string;
  readonly description: string | undefined;
  /** Rows in the files that a query reads, small writes included, before older versions of a key are left out. */
  readonly storedRows: number;
  /** Parquet files that a query reads. */
  readonly parts: number;
  /** Of those files and of the small writes. */
  readonly bytes: number;
  readonly lastCommit: string | undefined;
  /** Undefined before the first compaction. */
  readonly snapshot: SnapshotSummary | undefined;
  /** Runs that the snapshot has not merged. */
  readonly runsBeside: number;
  /** Rows of small writes that are not in Parquet yet. */
  readonly smallWrites: number;
}

export interface SnapshotSummary {
  readonly id: string;
  readonly createdAt: string;
  /** Tombstones included. */
  readonly rows: number;
  readonly tombstones: number;
  readonly partitions: number;
  /** How it is cut, in words; undefined where it is not. */
  readonly partitionedBy: string | undefined;
}

export interface TableDescription extends TableSummary {
  readonly rows: number;
  readonly mode: string;
  readonly primaryKey: readonly string[];
  readonly incremental: string | undefined;
  /** Columns that name whom a row is about; dots reach into structs. */
  readonly subjectColumns: readonly string[];
  readonly columns: readonly ColumnDescription[];
  readonly pipelines: readonly string[];
  readonly schemaHistory: readonly {
    readonly fingerprint: string;
    readonly since: string;
    readonly changes: readonly string[];
  }[];
  readonly quarantined: number;
  /** Runs and snapshots that `--as-of` can still read, the current ones included. */
  readonly past: { readonly runs: number; readonly snapshots: number };
  readonly retentionMs: number;
  readonly tombstoneRetentionMs: number;
}

export interface ColumnDescription {
  readonly name: string;
  readonly type: string;
  readonly key: boolean;
  readonly hint: string | undefined;
}
