import type { IndexSpec, JsonValue, RunId, TextIndexSpec, VectorIndexSpec } from '@hakiri/core';
import type { RowSet } from '../sets/row-set.ts';
import type { TextSegment } from '../text/index.ts';
import type { VectorSegment } from '../vector/index.ts';
import type { IndexedTable } from './indexed-table.ts';

/** A table with its indexes, open in the reader's child. What a search is asked of. */
export interface OpenedTable {
  readonly table: IndexedTable;
  /** One a part, in the order of the table's parts, then those of small writes. Rows are told by (unit, ordinal). */
  readonly units: readonly Unit[];
  /** In the order of the table's indexes. */
  readonly indexes: readonly OpenedIndex[];
  /** Where a row lies now; undefined where it is in no unit. A place says nothing of whether the row is alive. */
  place(run: RunId, seq: number): Place | undefined;
}

export interface Place {
  readonly unit: number;
  readonly ordinal: number;
}

export interface Unit {
  readonly rows: number;
  /** Undefined where nothing was built for the part: then no index has it. */
  readonly identities: RowIdentities | undefined;
}

/** Which row stands at an ordinal. */
export interface RowIdentities {
  readonly rows: number;
  /** Every run that has a row here. */
  readonly runs: readonly RunId[];
  /** Position in `runs`. */
  runIndexAt(ordinal: number): number;
  seqAt(ordinal: number): number;
  /** In the one JSON form; of a table without a key, run and sequence. */
  keyAt(ordinal: number): readonly JsonValue[];
}

export type OpenedIndex = OpenedTextIndex | OpenedVectorIndex;

export interface OpenedTextIndex {
  readonly kind: 'fts';
  readonly spec: TextIndexSpec;
  readonly id: string;
  /** By unit: one segment a column of the spec, in their order; undefined where the index is behind. */
  readonly units: readonly (readonly TextSegment[] | undefined)[];
}

export interface OpenedVectorIndex {
  readonly kind: 'vector';
  readonly spec: VectorIndexSpec;
  readonly id: string;
  /** By unit; undefined where the index is behind. */
  readonly units: readonly (VectorSegment | undefined)[];
  /** Absolute path of the folder for the graph, which may not be there. */
  readonly graph: string;
}

/** Rows of every unit of an opened table, in their order. */
export interface TableRows {
  readonly units: readonly RowSet[];
  readonly count: number;
}

/** Alive rows that the index does not hold yet. */
export function rowsBehind(index: OpenedIndex, alive: TableRows): number {
  return alive.units.reduce((sum, set, i) => (index.units[i] === undefined ? sum + set.count : sum), 0);
}

export const isOfKind =
  <Kind extends IndexSpec['kind']>(kind: Kind) =>
  (index: OpenedIndex): index is Extract<OpenedIndex, { readonly kind: Kind }> =>
    index.kind === kind;
