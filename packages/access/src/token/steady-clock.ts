import type { Clock } from '@hakiri/core';

/**
 * Unix milliseconds that never go back, and go on where the clock was set back: a token that has expired once stays
 * so for as long as this process lives.
 */
export function steadyNow(clock: Clock): () => number {
  let latestMs = clock.nowMs();
  let atMs = clock.monotonicMs();
  return () => {
    const nowAtMs = clock.monotonicMs();
    latestMs = Math.max(clock.nowMs(), latestMs + (nowAtMs - atMs));
    atMs = nowAtMs;
    return latestMs;
  };
}
