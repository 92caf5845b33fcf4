import type { JsonValue, RunId } from '@hakiri/core';
import type { RowIdentities } from '../../../src/indexes/index.ts';
import {
  createVectorSegmentWriter,
  memoryFile,
  memorySink,
  openVectorSegment,
  type TieOrder,
  type VectorKind,
  type VectorSegment,
} from '../../../src/vector/index.ts';

export type Random = () => number;

/** Evenly between 0 and 1, always the same for the same seed. */
export function random(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomVector(next: Random, dims: number): Float32Array {
  return Float32Array.from({ length: dims }, () => next() + next() + next() - 1.5);
}

/** About one of so many directions, as texts about one of so many subjects are. */
export function clusteredVectors(next: Random, rows: number, dims: number, clusters: number): Float32Array[] {
  const centres = Array.from({ length: clusters }, () => randomVector(next, dims));
  return Array.from({ length: rows }, (_, i) => {
    const own = randomVector(next, dims);
    return centres[i % clusters]!.map((component, j) => component + 0.7 * own[j]!);
  });
}

export const kindOf = (dims: number, scan: VectorKind['scan'] = 'int8'): VectorKind => ({
  dims,
  scan,
  model: 'test-model',
  metric: 'cosine',
});

export function segmentBytes(kind: VectorKind, vectors: readonly (Float32Array | undefined)[]): Uint8Array {
  const { sink, bytes } = memorySink();
  const writer = createVectorSegmentWriter({ ...kind, rows: vectors.length }, sink);
  for (const vector of vectors) writer.add(vector);
  writer.finish();
  return bytes();
}

export function segmentOf(
  kind: VectorKind,
  vectors: readonly (Float32Array | undefined)[],
  tiles?: Parameters<typeof openVectorSegment>[2],
): VectorSegment {
  const file = memoryFile(segmentBytes(kind, vectors));
  return openVectorSegment(file, { ...kind, rows: vectors.length }, tiles);
}

export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    squaresA += a[i]! ** 2;
    squaresB += b[i]! ** 2;
  }
  return dot / Math.sqrt(squaresA * squaresB);
}

/** Ordinals of the nearest, best first, by the definition. */
export function nearest(
  query: Float32Array,
  vectors: readonly (Float32Array | undefined)[],
  k: number,
  isAllowed: (ordinal: number) => boolean = () => true,
): number[] {
  return vectors
    .flatMap((vector, ordinal) =>
      vector && isAllowed(ordinal) ? [[ordinal, cosine(query, vector)] as const] : [],
    )
    .sort(([, a], [, b]) => b - a)
    .slice(0, k)
    .map(([ordinal]) => ordinal);
}

export const byPlace: TieOrder = (unitA, ordinalA, unitB, ordinalB) => unitA - unitB || ordinalA - ordinalB;

/** Share of what should be found that was. */
export const recall = (found: readonly number[], expected: readonly number[]): number =>
  expected.length === 0 ? 1 : expected.filter((one) => found.includes(one)).length / expected.length;

export const RUNS = ['01JABCDEFGHJKMNPQRSTVWXYZ0', '01JABCDEFGHJKMNPQRSTVWXYZ1'] as RunId[];

/** Rows whose keys are their sequences. */
export function identitiesOf(rows: readonly (readonly [run: RunId, seq: number])[]): RowIdentities {
  const runs = [...new Set(rows.map(([run]) => run))];
  const runIndexes = rows.map(([run]) => runs.indexOf(run));
  return {
    rows: rows.length,
    runs,
    runIndexAt: (ordinal) => runIndexes[ordinal]!,
    seqAt: (ordinal) => rows[ordinal]![1],
    keyAt: (ordinal): readonly JsonValue[] => [rows[ordinal]![1]],
  };
}
