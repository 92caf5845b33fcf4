import { hash } from 'node:crypto';

/** How far the length of a kept vector may be from 1. */
const TOLERANCE = 1e-3;

/** What a text is kept under. */
export function textHash(text: string): Uint8Array {
  return hash('sha256', text, 'buffer');
}

export function toBytes({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Little-endian floats; undefined for what was not written by us. */
export function toVector(bytes: Uint8Array, dims: number): Float32Array | undefined {
  if (bytes.length !== dims * 4) return undefined;
  const vector = new Float32Array(new Uint8Array(bytes).buffer);
  let squares = 0;
  for (let i = 0; i < dims; i++) squares += vector[i]! * vector[i]!;
  return Math.abs(squares - 1) < TOLERANCE ? vector : undefined;
}
