import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '@hakiri/core';

/** Time that passes when a test says so. Both clocks go on together; the wall's can be set besides. */
export interface FakeClock extends Clock {
  /** Lets time pass, waking sleepers in their order, each with time to act. */
  pass(ms: number): Promise<void>;
  /** Sets the wall's clock forward, or back where it is negative: nobody is woken by it. */
  set(byMs: number): void;
}

export function fakeClock(startMs: number): FakeClock {
  let wallMs = startMs;
  let monotonicMs = 1000;
  const sleepers = new Set<{ readonly atMs: number; wake(): void }>();
  return {
    nowMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = { atMs: monotonicMs + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => sleepers.delete(sleeper) && reject(signal.reason));
      }),
    async pass(ms) {
      const endMs = monotonicMs + ms;
      await turn();
      for (;;) {
        const [next] = [...sleepers].sort((a, b) => a.atMs - b.atMs);
        const untilMs = next === undefined ? endMs : Math.min(endMs, Math.max(next.atMs, monotonicMs));
        wallMs += untilMs - monotonicMs;
        monotonicMs = untilMs;
        if (next === undefined || next.atMs > endMs) return;
        sleepers.delete(next);
        next.wake();
        await turn();
      }
    },
    set(byMs) {
      wallMs += byMs;
    },
  };
}
