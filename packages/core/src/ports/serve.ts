import type { Grant } from './access.ts';
import type { AsOf } from './catalog.ts';

/** The one way out: everything that reads the store asks here. */
export interface Serve {
  query(request: QueryRequest, grant: Grant): Promise<Answer>;
  tables(grant: Grant): Promise<readonly TableSummary[]>;
  describe(table: string, grant: Grant): Promise<TableDescription>;
  /** Rows by their keys, undefined where there is none. */
  get(request: GetRequest, grant: Grant): Promise<readonly (FoundRow | undefined)[]>;
  /** Writes a file that opens without Hakiri; whatever the size, in bounded memory. */
  export(request: ExportRequest, grant: Grant): Promise<Exported>;
  close(): Promise<void>;
}

export type QueryRequest = RowsRequest & QueryLimits;

export type RowsRequest = (SqlRequest | StructuredRequest) & {
  /** The tables as they were then; now when undefined. */
  readonly asOf?: AsOf;
};

export interface SqlRequest {
  readonly sql: string;
  /** Each is a relation that the SQL may name: the table's key, `_score` and `_rank`. */
  readonly search?: Readonly<Record<string, NamedSearch>>;
}

export interface StructuredRequest {
  readonly table: string;
  /** Columns, dots reaching into structs; all when empty. */
  readonly select?: readonly string[];
  /** In the predicate language. */
  readonly filter?: string;
  /** `column` or `column desc`; by rank when undefined and something is searched for. */
  readonly orderBy?: readonly string[];
  /** The filter holds before the search, so that k rows are k allowed rows. */
  readonly search?: SearchClause;
}

/** What to look for in a table's indexes. */
export interface SearchClause {
  /** Words; "quoted" for a phrase, `word*` for a prefix, `+` or AND between words that must all be there. */
  readonly text: string;
  /** `hybrid` when the table has both kinds of index, else the one it has. */
  readonly mode?: SearchMode;
  /** Rows wanted, 1 to 1000; 10 when undefined. */
  readonly k?: number;
  /** Names of indexes; all of the table's when undefined. */
  readonly indexes?: readonly string[];
}

export type SearchMode = 'hybrid' | 'keyword' | 'vector';

export interface NamedSearch extends SearchClause {
  readonly table: string;
  readonly filter?: string;
  /** By column: a SELECT of one column; only rows whose value is among its rows are searched. */
  readonly in?: Readonly<Record<string, string>>;
}

export interface QueryLimits {
  readonly limit?: number;
  readonly timeoutMs?: number;
  /** Of rows and citations as JSON. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** Whether each row says where it comes from. */
  readonly cite?: boolean;
  /** Whether the answer says how it was found, with estimated and real rows and times. */
  readonly explain?: boolean;
  /** `next` of an answer to the same request: what follows it, from the same snapshot. */
  readonly next?: string;
  /** Nobody will ask for what follows: the answer needs no `next`, which can cost as much as the rows. */
  readonly once?: boolean;
  /** The request names what is to be forgotten: the audit records that it was asked, not by which predicate. */
  readonly confidential?: boolean;
}

export interface GetRequest {
  readonly table: string;
  /** Values of the key columns, in their order; in a table without a key, run and sequence. */
  readonly keys: readonly (readonly JsonValue[])[];
  /** All columns when undefined. */
  readonly select?: readonly string[];
}

export interface FoundRow {
  readonly values: Readonly<Record<string, JsonValue>>;
  readonly citation: Citation;
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
  /** Where `cite` was asked: the sources of row i, or of the whole answer for an aggregate. */
  readonly citations?: Citations;
  /** Where `explain` was asked. */
  readonly plan?: QueryPlan;
  /** Of each table that was read. */
  readonly freshness?: readonly Freshness[];
  readonly policy?: AppliedPolicy;
  /** Continues an answer that was cut short; undefined when there is nothing more. */
  readonly next?: string;
}

export type Citations =
  /** `rows[i]` lists the source rows of row i. */
  | { readonly kind: 'rows'; readonly rows: readonly (readonly Citation[])[] }
  /** An aggregate: each table as a whole. */
  | { readonly kind: 'tables'; readonly tables: readonly TableCitation[] };

export interface Citation {
  readonly table: string;
  /** As the caller sees it; of a table without a key, a name of the row where not all of the table is seen. */
  readonly key: readonly JsonValue[];
  readonly run: string;
  readonly connector: string;
  readonly author: string;
  /** Of the incremental column where there is one, else of the commit; ISO 8601. */
  readonly sourceTime: string | null;
  /** `hakiri://<project>/tables/<table>/rows/<key>`; undefined where the key, as the caller sees it, names no row. */
  readonly address?: string;
}

export interface TableCitation {
  readonly table: string;
  readonly snapshot: string | null;
  /** Runs beside the snapshot that were read; undefined where not all of the table is seen. */
  readonly runs?: readonly string[];
  readonly predicate: string | null;
  /** Rows that were read, where that is known. */
  readonly rowsRead: number | null;
  readonly address: string;
}

/** A tree of steps. */
export interface QueryPlan {
  readonly step: string;
  readonly detail?: string;
  readonly estimatedRows?: number;
  readonly rows?: number;
  readonly elapsedMs?: number;
  readonly steps?: readonly QueryPlan[];
}

export interface Freshness {
  readonly table: string;
  /** Of the last commit; ISO 8601. */
  readonly lastCommit: string;
  readonly ageMs: number;
  readonly indexes: readonly {
    readonly name: string;
    /** Rows that the index does not hold yet; undefined where not all of the table is seen. */
    readonly rowsBehind?: number;
  }[];
}

/** What was withheld by name; never how much of it there was. */
export interface AppliedPolicy {
  readonly columns: readonly { readonly table: string; readonly column: string; readonly action: string }[];
}

export interface AnswerColumn {
  readonly name: string;
  readonly type: string;
}

/** What counts rows or tells of files is undefined where not all of the table is seen. */
export interface TableSummary {
  readonly name: string;
  readonly description: string | undefined;
  /** Rows in the files that a query reads, small writes included, before older versions of a key are left out. */
  readonly storedRows: number | undefined;
  /** Parquet files that a query reads. */
  readonly parts: number | undefined;
  /** Of those files and of the small writes. */
  readonly bytes: number | undefined;
  readonly lastCommit: string | undefined;
  /** Undefined before the first compaction, too. */
  readonly snapshot: SnapshotSummary | undefined;
  /** Runs that the snapshot has not merged. */
  readonly runsBeside: number | undefined;
  /** Rows of small writes that are not in Parquet yet. */
  readonly smallWrites: number | undefined;
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
  /** That are seen; undefined where rows are not to be counted. */
  readonly rows: number | undefined;
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
  readonly quarantined: number | undefined;
  /** Runs and snapshots that `--as-of` can still read, the current ones included. */
  readonly past: { readonly runs: number; readonly snapshots: number } | undefined;
  readonly retentionMs: number;
  readonly tombstoneRetentionMs: number;
  readonly indexes: readonly IndexDescription[];
  /** A few rows, values shortened; none where the table has none. */
  readonly examples: readonly (readonly JsonValue[])[];
  /** What a partition is called and how many there are, where the table is cut. */
  readonly partitions: readonly string[];
  /** Milliseconds since the last commit. */
  readonly ageMs: number;
}

export interface IndexDescription {
  readonly name: string;
  readonly kind: 'fts' | 'vector';
  readonly columns: readonly string[];
  readonly analyzer?: string;
  readonly model?: string;
  readonly dims?: number;
  /** `lexical` where the model knows words only. */
  readonly modelKind?: 'lexical' | 'semantic';
  readonly rowsBehind: number | undefined;
}

export interface ColumnDescription {
  readonly name: string;
  readonly type: string;
  readonly key: boolean;
  readonly hint: string | undefined;
}
