import { type Clock, type RunId, ulidTimeMs } from '@hakiri/core';
import { monotonicFactory } from 'ulid';

/** Run ids that only grow: within the process, and past the last one given even when the clock was set back. */
export function runIdFactory(clock: Clock): (after: RunId | undefined) => RunId {
  const next = monotonicFactory();
  return (after) => {
    const floor = after === undefined ? 0 : ulidTimeMs(after) + 1;
    return next(Math.max(clock.nowMs(), floor)) as RunId;
  };
}
