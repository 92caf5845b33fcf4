const LARGEST_BYTE = 127;

/**
 * A vector as bytes, symmetric about 0: the largest component becomes 127. Always the same bytes for the same floats.
 * Returns the scale: a component is about its byte times it.
 */
export function quantize(vector: Float32Array, into: Int8Array): number {
  let largest = 0;
  for (let i = 0; i < vector.length; i++) {
    const size = Math.abs(vector[i]!);
    if (size > largest) largest = size;
  }
  const factor = LARGEST_BYTE / largest;
  for (let i = 0; i < vector.length; i++) into[i] = Math.round(vector[i]! * factor);
  return Math.fround(largest / LARGEST_BYTE);
}

/** Numbers of a query are this large at most; 16 bits hold them, and sums of products fit into 32. */
export const QUERY_LENGTH = 32_767;

/** A query of length 1 for the scan of bytes; finer than the rows are, so that only their rounding counts. */
export function quantizeQuery(query: Float32Array, into: Int16Array): void {
  for (let i = 0; i < query.length; i++) into[i] = Math.round(query[i]! * QUERY_LENGTH);
}

/** The vector at length 1; undefined where it has no direction. @throws RangeError for one that is not finite */
export function toLengthOne(vector: Float32Array): Float32Array | undefined {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! * vector[i]!;
  if (!Number.isFinite(squares)) throw new RangeError('A vector is not finite');
  if (squares === 0) return undefined;
  const factor = 1 / Math.sqrt(squares);
  return vector.map((component) => component * factor);
}
