import type { IndexSpec, LogicalType, RunId, TableName } from '@hakiri/core';

/** A table at one moment as the reader's child needs it: paths are absolute. */
export interface IndexedTable {
  readonly name: TableName;
  /** The same files give the same version: what is memoised is memoised under it. */
  readonly version: string;
  readonly primaryKey: readonly string[];
  readonly parts: readonly IndexedPart[];
  /** Small writes that are not in Parquet yet. */
  readonly deltas: readonly IndexedDelta[];
  /**
   * Alive rows with all their columns, and `_hakiri_file` and `_hakiri_row`: the path and the ordinal in it (null in a
   * file of small writes, where run and sequence tell the row).
   */
  readonly placesSelect: string;
  /**
   * Those that serve: as declared, or, while a changed one is built, as it was before. A vector index is asked with
   * vectors of the model named here.
   */
  readonly indexes: readonly IndexSpec[];
  /** Grows with every index that this process makes: what was missing is looked for again. */
  readonly built: number;
  /** Folder of the table's graphs, one folder an index id in it. */
  readonly graphs: string;
}

export interface IndexedPart {
  readonly path: string;
  readonly rows: number;
}

export interface IndexedDelta {
  readonly path: string;
  readonly run: RunId;
  /** Whole commits of the file that count, in bytes from its start. */
  readonly bytes: number;
  /** Key columns and indexed columns, by name. */
  readonly types: Readonly<Record<string, LogicalType>>;
}
