import type { VectorIndexSpec } from '@hakiri/core';
import type { RowSet } from '../sets/row-set.ts';
import type { Slots } from './slots.ts';
import type { BlockShape } from './vector-format.ts';

/** What the vectors of a segment are; a segment is opened only as what its index says it is. */
export type VectorKind = Pick<VectorIndexSpec, 'dims' | 'model' | 'metric' | 'scan'>;

/**
 * The vectors of one part, by ordinal. Immutable. A row without text has none. Vectors have length 1, so that the
 * cosine of two is their dot product.
 */
export interface VectorSegment {
  readonly kind: VectorKind;
  /** Of the part. */
  readonly rows: number;
  /** Rows that have a vector. */
  readonly present: RowSet;
  readonly slots: Slots;
  readonly shape: BlockShape;
  /** Undefined where the row has none. @throws HakiriError index.damaged, store.io */
  vectorAt(ordinal: number): Float32Array | undefined;
  /** Of its vector and a query of length 1; undefined where it has none. @throws HakiriError index.damaged, store.io */
  cosineAt(ordinal: number, query: Float32Array): number | undefined;
  /** Vectors one after the other from a slot on, read at once. @throws HakiriError index.damaged, store.io */
  vectorsFrom(slot: number, count: number): readonly Float32Array[];
  /** Standard deviation of the row's scanned score from the exact one; infinite where its tile is not in memory. */
  scanDeviation(ordinal: number): number;
  /** Address of the tile that holds a block; -1 where it is not in memory. */
  tileOf(block: number): number;
  /** Reads a block that is not in memory into a tile. @throws HakiriError index.damaged, store.io */
  loadTile(block: number): number;
  /** Gives back the memory that its rows take in scans. The segment stays usable. */
  release(): void;
}

export interface VectorSegmentSummary {
  readonly rows: number;
  readonly vectors: number;
  readonly bytes: number;
}
