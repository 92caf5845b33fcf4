import type { JsonValue, TableSchema } from '@hakiri/core';

/** A table as a grant sees it. Every way out reads this, and never the table itself. */
export interface SeenTable {
  /** The columns that are left, with the types they are left with. */
  readonly schema: TableSchema;
  /** Whether nothing is kept back: no row, no column, not only aggregates. */
  readonly isWhole: boolean;
  /** Whether every row is seen; columns may be acted on. */
  readonly seesAllRows: boolean;
  readonly minGroup: number | undefined;
  readonly canSearch: boolean;
  /** Whether rows are served, not aggregates alone. */
  readonly canRead: boolean;
  /** Top-level columns that are served exactly as they are: the only ones that searches match. */
  readonly clearColumns: ReadonlySet<string>;
  /** Columns that are text, and served with spans cut out. */
  readonly scrubbedColumns: ReadonlySet<string>;
  /** Paths that are left and not served as they are, with what was done: told with every answer. Denied ones are not here. */
  readonly acted: readonly { readonly column: string; readonly action: string }[];
  /**
   * Of the primary key: `clear`, `renamed` (hashed or tokenized: still one value a row), or `hidden` (one of its
   * columns tells no row from another).
   */
  readonly key: 'clear' | 'renamed' | 'hidden';
  /** `TablePolicy.digest`. */
  readonly digest: string;
  /**
   * A SELECT of the columns that are left, of the rows that are seen.
   * @param from a FROM item with all columns of the table
   * @param passing columns of `from` that are handed on as they are: Hakiri's own
   * @param isBarrier whether nothing that is asked of the rows may be evaluated on others first: for SQL from outside,
   * whose casts fail on values
   */
  select(from: string, options: { readonly passing: readonly string[]; readonly isBarrier: boolean }): string;
  /** The same of one row, in the one JSON form of values; undefined where the row is not seen. */
  row(values: Readonly<Record<string, JsonValue>>): Readonly<Record<string, JsonValue>> | undefined;
}
