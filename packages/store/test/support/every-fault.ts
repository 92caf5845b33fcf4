import { TEST_SEED } from '../../../../test/support/random.ts';
import { FAULTS, type Fault } from './fault-files.ts';

export interface FaultAt {
  readonly fault: Fault;
  /** The operation of the disk, from 1. */
  readonly at: number;
}

/** Strikes with every fault at every operation, in an order drawn at random, for as long as there is time; says how often. */
export async function strikeWithEveryFault(
  { operations, budgetMs, random }: { operations: number; budgetMs: number; random: () => number },
  strike: (one: FaultAt) => Promise<unknown>,
): Promise<string> {
  const cases = FAULTS.flatMap((fault) =>
    Array.from({ length: operations }, (_, i) => ({ fault, at: i + 1 })),
  );
  const order = cases.map((one) => ({ one, key: random() })).sort((a, b) => a.key - b.key);
  const started = performance.now();
  let done = 0;
  for (const { one } of order) {
    if (performance.now() - started > budgetMs) break;
    try {
      await strike(one);
    } catch (error) {
      throw new Error(`${one.fault} at operation ${one.at}, seed ${TEST_SEED}`, { cause: error });
    }
    done++;
  }
  return `${done} of ${cases.length} faults at ${operations} operations, seed ${TEST_SEED}`;
}
