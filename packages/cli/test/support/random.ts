/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The seed of this run: from HAKIRI_SEED, or a new one; printed by whoever uses it. */
export function testSeed(): number {
  const given = process.env.HAKIRI_SEED;
  return given === undefined ? Math.floor(Math.random() * 0x7fffffff) : Number(given);
}
