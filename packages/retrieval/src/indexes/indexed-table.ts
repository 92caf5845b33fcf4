import type { IndexSpec, RunId, TableName, TableSchema } from '@hakiri/core';

/** A table at one moment as the reader's child needs it: paths are absolute. */
export interface IndexedTable {
  readonly name: TableName;
  /** The same files give the same version: what is memoised is memoised under it. */
  readonly version: string;
  /** Empty where every row counts. */
  readonly primaryKey: readonly string[];
  readonly schema: TableSchema;
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
  /** Vectors of texts that were embedded before. */
  readonly embeddings: string;
}

export interface IndexedPart {
  readonly path: string;
  readonly rows: number;
}

export interface IndexedDelta {
  readonly path: string;
  readonly run: RunId;
  /** Its rows with all columns of the table and their provenance; a later write to the file is in it as well. */
  readonly select: string;
}
