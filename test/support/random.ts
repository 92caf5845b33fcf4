/** Seeded randomness for tests: same seed, same run (mulberry32). */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** `count` results of `make`. */
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
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)]!,
    many: (count, make) => Array.from({ length: count }, (_, index) => make(index)),
  };
}

/** HAKIRI_SEED, which the test command sets and prints; a new one when a file is run by itself. */
export const TEST_SEED = Number(process.env.HAKIRI_SEED ?? Math.floor(Math.random() * 0x7fffffff));

/** How many cases a fuzz test runs: HAKIRI_FUZZ_COUNT, else `fallback`. */
export function fuzzCount(fallback: number): number {
  return Number(process.env.HAKIRI_FUZZ_COUNT ?? fallback);
}

/** Runs a check under many seeds; names the seed that fails. */
export function underSeeds(count: number, check: (random: Random) => void): void {
  for (let i = 0; i < count; i++) {
    const seed = TEST_SEED + i;
    try {
      check(seededRandom(seed));
    } catch (error) {
      throw new Error(`failed with HAKIRI_SEED=${seed} HAKIRI_FUZZ_COUNT=1`, { cause: error });
    }
  }
}
