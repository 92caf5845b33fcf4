import type { ErrorCode, IndexSpec, TableSchema } from '@hakiri/core';
import type { IndexFile } from './index-manifest.ts';
import type { IndexedPart } from './indexed-table.ts';

/** Makes files of indexes from parts (job `index-build`). What it leaves is not flushed and named nowhere yet. */
export interface IndexBuildRequest {
  readonly parts: readonly BuildPart[];
  readonly primaryKey: readonly string[];
  /** Those that any part wants. */
  readonly indexes: readonly IndexSpec[];
  /** See `IndexedTable.embeddings`. */
  readonly embeddings: string;
}

export interface BuildPart extends IndexedPart {
  /** What the file holds. */
  readonly columns: TableSchema;
  /** Ids of indexes, and `ROWS_ID`. */
  readonly wants: readonly string[];
}

export interface IndexBuildAnswer {
  readonly parts: readonly BuiltPart[];
}

export interface BuiltPart {
  readonly path: string;
  readonly rows: number;
  readonly built: readonly { readonly id: string; readonly files: readonly IndexFile[] }[];
  /** What could not be made, and why. `NOT_EMBEDDED` is no error: somebody has to embed texts first. */
  readonly behind: readonly { readonly id: string; readonly code: string; readonly message: string }[];
}

export const NOT_EMBEDDED: ErrorCode = 'index.not_built';
