/** Makes a vector one of length 1, in place. False when it has no direction: zero, or not of finite numbers. */
export function normalise(vector: Float32Array): boolean {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (!(squares > 0) || squares === Number.POSITIVE_INFINITY) return false;
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i]! *= scale;
  return true;
}
