import type { Column, JsonValue, LogicalType, OrderSuffix, TableSchema } from '@hakiri/core';

/** What a child can be asked. One JSON line each way; a child answers in the order asked. */
export type EngineRequest =
  | ({ readonly op: 'convert' } & ConvertRequest)
  | { readonly op: 'check_transform'; readonly transform: string }
  | { readonly op: 'describe'; readonly input: TableSchema; readonly transform: string }
  | { readonly op: 'file_schema'; readonly path: string; readonly format: 'csv' | 'parquet' }
  | { readonly op: 'count_rows'; readonly path: string }
  | { readonly op: 'select'; readonly sql: string }
  | ({ readonly op: 'copy' } & CopyRequest)
  | { readonly op: 'job'; readonly job: string; readonly request: unknown }
  | { readonly op: 'warm' }
  | ({ readonly op: 'query' } & SessionQuery)
  | ({ readonly op: 'export' } & SessionExport);

/** A part made of what a trusted SELECT gives. */
export interface CopyRequest {
  readonly select: string;
  readonly output: string;
  readonly rowGroupRows: number;
}

export interface CopyResult {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ConvertRequest {
  readonly input: ConvertInput;
  /** SELECT over `input`; undefined passes the columns through. */
  readonly transform: string | undefined;
  /** What the part holds, in this order, each cast to its type. */
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  readonly order: OrderSpec;
  readonly output: string;
  readonly rowGroupRows: number;
}

export type ConvertInput =
  | {
      readonly kind: 'records';
      readonly path: string;
      readonly schema: TableSchema;
      readonly largestRecordBytes: number;
      /** Records may carry `_hakiri_deleted`, a boolean that is not in `schema`: true makes a tombstone. */
      readonly deletes: boolean;
    }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly format: 'csv' | 'parquet';
      readonly delimiter?: string;
      /** The types the file itself has; `schema` says what they are read as. */
      readonly found?: TableSchema;
      readonly schema: TableSchema;
      /** What is left of columns, in SQL over their values as `schema` has them; undefined: the column is left out. */
      readonly redacted?: readonly { readonly column: string; readonly sql: string | undefined }[];
    };

export interface OrderSpec {
  readonly suffix: OrderSuffix;
  /** The incremental column, as a path into the input. */
  readonly column: { readonly path: readonly string[]; readonly type: LogicalType } | undefined;
  /** Value part for rows that have none: the greatest seen so far, or the run's time. */
  readonly fallback: string;
  /** Whether rows without a value have been met in this table's run. */
  readonly nulls: 'expected' | 'unexpected';
  /** Sequence of the first row. */
  readonly firstSequence: number;
}

export interface ConvertResult {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  /** Least and greatest value of the first key column, as text; see `PartEntry.key_range`. */
  readonly keyRange: readonly [string, string] | null;
  /** A bound that no order key of the part is below; undefined where it is not short. */
  readonly leastOrder: string | undefined;
  /** Rows were met that have no incremental value. */
  readonly nullOrder: boolean;
  /** Greatest order value in the part; undefined for an empty part. */
  readonly greatestOrder: string | undefined;
  readonly misfits: readonly Misfit[];
}

/** A record of the input that could not be converted. */
export interface Misfit {
  readonly column: string | undefined;
  readonly reason: 'type' | 'null_key' | 'malformed' | 'transform';
  readonly expected: string | undefined;
  /** The record's bytes, base64. */
  readonly record: string;
}

/** One SELECT and what it may see. */
export interface Session {
  /** From anyone: it is parsed and checked, and sees the views and relations below and nothing else. */
  readonly sql: string;
  /**
   * CREATE VIEW statements that make up the session. A view whose name begins with `_hakiri_` is there for other views
   * alone: to the SELECT it does not exist.
   */
  readonly views: readonly string[];
  /** By the name of a view, what stands behind it. */
  readonly bases?: Readonly<Record<string, SessionBase>>;
  /** By the name of a view or relation: of these only aggregates are given. */
  readonly aggregateOnly?: Readonly<Record<string, AggregateOnly>>;
  /** Rows that the SELECT may name beside the views. */
  readonly relations?: readonly SessionRelation[];
  /** The only files the session may open. */
  readonly allowedPaths: readonly string[];
}

/** A view with the columns of another and more, which the SELECT never sees: keys and provenance. */
export interface SessionBase {
  /** Begins with `_hakiri_`. */
  readonly view: string;
  /** Its columns that the other view does not have. */
  readonly extra: readonly string[];
}

/** A group of an aggregate is there only where it holds enough different rows. */
export interface AggregateOnly {
  /** At least one column of the view's base, or of the relation itself: tells its rows apart. */
  readonly key: readonly string[];
  readonly minGroup: number;
}

/** A small relation made in the session: what a search found, a list of values. */
export interface SessionRelation {
  /** A plain identifier that no view has. */
  readonly name: string;
  readonly columns: readonly Column[];
  /** In the one JSON form of values; at most `MAX_RELATION_ROWS`. */
  readonly rows: readonly (readonly JsonValue[])[];
}

export const MAX_RELATION_ROWS = 10_000;

export interface SessionExport extends Session {
  readonly format: 'parquet' | 'csv' | 'ndjson';
  /** Absolute path; written over. */
  readonly output: string;
}

export interface ExportResult {
  readonly rows: number;
  readonly bytes: number;
  readonly reads: QueryReads;
  /** As in `CitedTable`. */
  readonly predicates: Readonly<Record<string, string>>;
}

/** What a SELECT makes use of. */
export interface QueryReads {
  /** Views and relations, by their own spelling. */
  readonly views: readonly string[];
  /** Every name it has for a column, in lower case: of any view, or its own; null where it may use all there are. */
  readonly columns: readonly string[] | null;
}

export interface SessionQuery extends Session {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Rows at the beginning that are left out, and do not count. */
  readonly skipRows?: number;
  /** Whether asking again gives the rows in the same order, whatever the SELECT says of it: with one thread. */
  readonly inOrder?: boolean;
  /** Whether the answer tells where its rows come from. */
  readonly cite?: CiteRequest;
}

/**
 * What can be cited, by the name of the view. These views carry the `_hakiri_` columns; the SELECT sees those only
 * where it names one. Where a view has a base, that has them, and the key. Views and relations that are not here are
 * used and not cited.
 */
export interface CiteRequest {
  readonly views: Readonly<Record<string, { readonly key: readonly string[] }>>;
}

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly JsonValue[])[];
  readonly truncated: false | 'rows' | 'bytes';
  readonly reads: QueryReads;
  /** Where `cite` was asked. */
  readonly cited?: QueryCitations;
}

export type QueryCitations =
  /** A plain select: `rows[i]` are the rows of views that row i of the answer was made of. */
  | { readonly kind: 'rows'; readonly rows: readonly (readonly CitedRow[])[] }
  /** Anything else: the cited views that were read, each once and by name. */
  | { readonly kind: 'tables'; readonly tables: readonly CitedTable[] };

export interface CitedRow {
  readonly view: string;
  /** Values of `key`, in its order; empty for a view without one. */
  readonly key: readonly JsonValue[];
  readonly run: string;
  readonly seq: number;
}

export interface CitedTable {
  readonly view: string;
  /** What its rows had to fulfil, as SQL, where that can be said of this view alone. */
  readonly predicate: string | null;
  /** Where that is known. */
  readonly rowsRead: number | null;
}

/** `memoryBytes`: what the child holds by then. `spent`: it should be asked nothing more. */
export type EngineReply =
  | { readonly id: number; readonly memoryBytes: number; readonly spent?: true; readonly ok: unknown }
  | {
      readonly id: number;
      readonly memoryBytes: number;
      readonly spent?: true;
      readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
    };
