import type { TableName } from '../ids.ts';

/**
 * Something beside the store's own files that may hold rows of a table: a cache, an index, a bucket. Deleting for
 * good asks each of them, again after a crash, until none has anything left.
 */
export interface ErasureTarget {
  readonly name: string;
  /** Removes everything that was made from rows of the tables. What can be made again is dropped whole. */
  erase(tables: readonly TableName[]): Promise<void>;
  /** Paths of what is left. */
  remains(tables: readonly TableName[]): Promise<readonly string[]>;
}
