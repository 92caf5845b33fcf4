import type { JsonValue, QueryPlan, RunId, SearchMode } from '@hakiri/core';
import type { IndexedTable } from '../indexes/indexed-table.ts';

/**
 * One search in one table, asked of the reader's child (job `search`). Filter and values hold before the search;
 * statistics count the rows that are alive and allowed, and no other.
 */
export interface SearchRequest {
  readonly table: IndexedTable;
  readonly mode: SearchMode;
  /** What the keyword part looks for; absent where the mode is `vector`. */
  readonly text?: string;
  /** What the vector part looks for, little-endian floats in base64; absent where the mode is `keyword`. */
  readonly vector?: string;
  /** Names of indexes; all of the table's of the kind when undefined. */
  readonly indexes?: readonly string[];
  /** What of them may be matched; every column when undefined. */
  readonly columns?: MatchedColumns;
  readonly k: number;
  readonly allowed: AllowedRows;
  readonly explain: boolean;
}

/** A request as it is sent: a table that was sent before goes by its id. */
export type SearchCall = Omit<SearchRequest, 'table'> & {
  readonly table?: IndexedTable;
  readonly tableId?: number;
};

/** Top-level columns that are served as text; an index over any other is as if it were not there. */
export interface MatchedColumns {
  readonly clear: readonly string[];
  /** Served with spans cut out: matched as that. */
  readonly scrubbed: readonly string[];
}

/** Which alive rows may be found. */
export interface AllowedRows {
  /** Whether the grant sees every alive row of the table: then statistics of the whole may be used. */
  readonly seesAll: boolean;
  /**
   * What the grant sees of the table: a SELECT from the relation `ALIVE_ROWS` that hands `PLACE_COLUMNS` on; undefined
   * where it sees everything as it is.
   */
  readonly seen?: string | undefined;
  /** A condition in SQL over what is seen, made from a checked predicate; undefined: no filter. */
  readonly where: string | undefined;
}

export interface SearchAnswer {
  /** Best first. */
  readonly hits: readonly SearchHit[];
  /** Rows that are in the table and not yet in an index, by the index's name. */
  readonly behind: Readonly<Record<string, number>>;
  readonly plan: QueryPlan | undefined;
}

export interface SearchHit {
  /** In the one JSON form; of a table without a key, run and sequence. */
  readonly key: readonly JsonValue[];
  readonly run: RunId;
  readonly seq: number;
  readonly score: number;
  /** From 1; absent where that part did not find the row. */
  readonly keywordRank?: number;
  readonly vectorRank?: number;
}
