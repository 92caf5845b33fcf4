/** Seeded randomness for the fuzz tests: same seed, same run (mulberry32). */
export interface Random {
  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** `count` results of `make`.  */
  many<T>(count: number, make: (index: number) => T): T[];
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)]!,
    many: (count, make) => Array.from({ length: count }, (_, index) => make(index)),
  };
}

/** How many cases a fuzz test runs: HAKIRI_FUZZ_COUNT, else `fallback`. */
export function fuzzCount(fallback: number): number {
  return Number(process.env.HAKIRI_FUZZ_COUNT ?? fallback);
}

/** HAKIRI_FUZZ_SEED, else `fallback`, so that a failure can be run again. */
export function fuzzSeed(fallback: number): number {
  return Number(process.env.HAKIRI_FUZZ_SEED ?? fallback);
}
