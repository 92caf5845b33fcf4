import type { Clock } from '@hakiri/core';

/** Sleeping takes no time, and is written down. */
export function testClock(): Clock & { readonly slept: readonly number[] } {
  const slept: number[] = [];
  let now = Date.parse('2026-01-01T00:00:00Z');
  return {
    slept,
    nowMs: () => now,
    monotonicMs: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
}
