/** The one way out: everything that reads the store asks here. */
export interface Serve {
  query(request: QueryRequest, grant: Grant): Promise<Answer>;
  tables(grant: Grant): Promise<readonly TableSummary[]>;
  describe(table: string, grant: Grant): Promise<TableDescription>;
  close(): Promise<void>;
}

/** What a caller may do. Until tokens exist there is one: the owner, at the command line. */
export interface Grant {
  readonly subject: string;
  readonly owner: true;
}

export const OWNER_GRANT: Grant = { subject: 'owner', owner: true };

export type QueryRequest = (SqlRequest | StructuredRequest) & QueryLimits;

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
  /** Rows in the parts, before older versions of a key are left out. */
  readonly storedRows: number;
  readonly parts: number;
  readonly bytes: number;
  readonly lastCommit: string | undefined;
}

export interface TableDescription extends TableSummary {
  readonly rows: number;
  readonly mode: string;
  readonly primaryKey: readonly string[];
  readonly incremental: string | undefined;
  readonly columns: readonly ColumnDescription[];
  readonly pipelines: readonly string[];
  readonly schemaHistory: readonly {
    readonly fingerprint: string;
    readonly since: string;
    readonly changes: readonly string[];
  }[];
  readonly quarantined: number;
}

export interface ColumnDescription {
  readonly name: string;
  readonly type: string;
  readonly key: boolean;
  readonly hint: string | undefined;
}
