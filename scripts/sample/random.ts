import { type Random as Draws, seededRandom } from '../../test/support/random.ts';

/** Pseudo-random choices that never depend on a library: the same seed gives the same sample for good. */
export interface Random extends Draws {
  /** Some of the items, in their order. */
  some<T>(items: readonly T[], atMost: number): T[];
}

export function createRandom(seed: number): Random {
  const random = seededRandom(seed);
  const { below } = random;
  return {
    ...random,
    some: (items, atMost) => {
      const wanted = below(Math.min(atMost, items.length) + 1);
      return items.filter((_item, index) => below(items.length - index) < wanted).slice(0, wanted);
    },
  };
}
