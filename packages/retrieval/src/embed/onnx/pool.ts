/** Of one text: the vectors of its tokens, one after another, as one vector. */
export function pool(
  states: Float32Array,
  { tokens, dims, pooling }: { tokens: number; dims: number; pooling: 'first' | 'mean' },
): Float32Array {
  if (pooling === 'first') return states.slice(0, dims);
  const mean = new Float32Array(dims);
  for (let token = 0; token < tokens; token++) {
    for (let i = 0; i < dims; i++) mean[i]! += states[token * dims + i]!;
  }
  for (let i = 0; i < dims; i++) mean[i]! /= tokens;
  return mean;
}
