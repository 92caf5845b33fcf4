import type { Action, ColumnAction, PiiType } from '@hakiri/core';

/** What manifest and grant together leave of one table: data that whoever reads carries out. */
export type TablePolicy = HiddenTable | VisibleTable;

/** To the caller there is no such table. */
export interface HiddenTable {
  readonly kind: 'hidden';
  readonly because: Rule;
}

export interface VisibleTable {
  readonly kind: 'visible';
  /** `aggregate` also where `read` is. Never `run`. */
  readonly actions: ReadonlySet<Action>;
  /** All have to be TRUE of a row. */
  readonly rows: readonly RowRule[];
  /** Of what is not served as it is: one a path, the strongest; sorted by path. */
  readonly columns: readonly ColumnRule[];
  /** Defined: of this table only aggregates over at least so many primary keys are served. */
  readonly minGroup: number | undefined;
  /** Equal digests leave the same of a table: names memoised sets. Empty where nothing is kept back. */
  readonly digest: string;
}

export interface RowRule {
  /** In the predicate language. */
  readonly predicate: string;
  /** How the rules before it left the columns: it sees them no clearer than that. */
  readonly under: readonly ColumnRule[];
  readonly because: Rule;
}

export interface ColumnRule {
  /** As in the store; dots reach into structs. */
  readonly path: string;
  readonly effect: ColumnEffect;
  readonly because: Rule;
}

/** `scrub`: what looks like a value of these types is cut out of the text; weaker than every action. */
export type ColumnEffect =
  | { readonly kind: ColumnAction; readonly piiType: PiiType | undefined }
  | { readonly kind: 'scrub'; readonly piiTypes: readonly PiiType[] };

/** Where a rule stands: for those who ask why. */
export type Rule =
  | { readonly kind: 'manifest'; readonly place: string }
  /** 0 is the authority's. */
  | { readonly kind: 'block'; readonly index: number; readonly fact: string }
  | { readonly kind: 'zone'; readonly zone: string | undefined; readonly place: string }
  | { readonly kind: 'no_right' };
