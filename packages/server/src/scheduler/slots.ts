import type { Schedule } from '@hakiri/core';
import { Cron } from 'croner';

/** The moments at which something is to run, in wall-clock milliseconds. */
export interface Slots {
  /** The first one after `ms`; undefined when there is none any more. */
  after(ms: number): number | undefined;
}

/**
 * `every` counts from 1970, so that a restart does not move it; `cron` is in the machine's own time zone. Each slot is
 * later by a share of the jitter that depends on `seed` alone: the same at each slot and after each restart.
 */
export function slotsOf(schedule: Schedule, seed: string): Slots {
  const shiftMs = Math.floor(schedule.jitterMs * shareOf(seed));
  const plain = schedule.kind === 'every' ? everySlots(schedule.everyMs) : cronSlots(schedule.expression);
  return {
    after(ms) {
      const slot = plain(ms - shiftMs);
      return slot === undefined ? undefined : slot + shiftMs;
    },
  };
}

function everySlots(everyMs: number): (ms: number) => number {
  return (ms) => (Math.floor(ms / everyMs) + 1) * everyMs;
}

function cronSlots(expression: string): (ms: number) => number | undefined {
  const cron = new Cron(expression, { mode: '5-or-6-parts', paused: true });
  return (ms) => cron.nextRun(new Date(ms))?.getTime();
}

/** FNV-1a with a last mix: 0 to 1, evenly enough. http://www.isthe.com/chongo/tech/comp/fnv */
function shareOf(seed: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
