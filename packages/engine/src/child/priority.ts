import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Text from outside may keep the processors busy: whoever waits for them comes first. */
export const OUTSIDE_NICENESS = 5;
/** Of a slow query: short ones, and children that start, come before it. */
export const SLOW_NICENESS = 15;

/** A query that takes more of the processors than this is slow. */
export const SLOW_QUERY_CPU_MS = 1000;

/** There is no way back up. On Linux each thread has its own; those that start later take that of their parent. */
export function lowerPriority(niceness: number): void {
  try {
    if (process.platform !== 'linux') setPriority(niceness);
    else for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), niceness);
  } catch {
    // A thread that has just ended, or a system that does not let us: it only costs others their turn.
  }
}
