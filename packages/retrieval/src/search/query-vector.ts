import { HakiriError, type VectorIndexSpec } from '@hakiri/core';
import { toLengthOne } from '../vector/index.ts';

/**
 * A query's vector at length 1; undefined where it has no direction: then nothing is near it.
 * @param text little-endian floats in base64
 * @throws HakiriError embedding.dimension, query.invalid
 */
export function queryVector(
  text: string | undefined,
  { name, dims }: VectorIndexSpec,
): Float32Array | undefined {
  if (text === undefined) throw new HakiriError('query.invalid', `A search in ${name} needs a vector`);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== dims * 4) {
    throw new HakiriError(
      'embedding.dimension',
      `The query's vector has ${bytes.length / 4} dimensions, those of ${name} have ${dims}`,
    );
  }
  const vector = Float32Array.from({ length: dims }, (_, i) => bytes.readFloatLE(i * 4));
  if (!vector.every(Number.isFinite))
    throw new HakiriError('query.invalid', "The query's vector is not finite");
  return toLengthOne(vector);
}

/** As a request carries it. */
export function encodeVector(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((component, i) => {
    bytes.writeFloatLE(component, i * 4);
  });
  return bytes.toString('base64');
}
