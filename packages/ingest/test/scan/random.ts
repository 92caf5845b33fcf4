/** A seeded generator, so that a failure can be repeated from the seed it prints. */
export interface Random {
  /** A whole number from 0 to `below` - 1. */
  readonly int: (below: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(items: readonly T[]) => T;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number) => Math.floor(next() * below);
  return { int, chance: (p) => next() < p, pick: (items) => items[int(items.length)]! };
}

export const FUZZ_COUNT = Number(process.env.HAKIRI_FUZZ_COUNT ?? 300);
const FUZZ_SEED = Number(process.env.HAKIRI_FUZZ_SEED ?? 1);

/** Runs a check under many seeds; names the seed that fails. */
export function underSeeds(count: number, check: (random: Random) => void): void {
  for (let i = 0; i < count; i++) {
    const seed = FUZZ_SEED + i;
    try {
      check(createRandom(seed));
    } catch (error) {
      throw new Error(`failed with HAKIRI_FUZZ_SEED=${seed} HAKIRI_FUZZ_COUNT=1`, { cause: error });
    }
  }
}
