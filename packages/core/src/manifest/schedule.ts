import { cronProblem } from './cron.ts';
import type { Schedule } from './model.ts';
import { parseDurationMs } from './units.ts';

const MIN_EVERY_MS = 1000;
const MAX_EVERY_MS = 366 * 86_400_000;

/** A schedule as it is written, or what is wrong with it in words that follow `expected`. */
export function parseSchedule(
  text: string,
  jitterMs: number,
): { readonly schedule: Schedule } | { readonly problem: string } {
  const every = /^every\s+(\S+)$/.exec(text.trim())?.[1];
  if (every !== undefined) {
    const everyMs = parseDurationMs(every);
    return everyMs !== undefined && everyMs >= MIN_EVERY_MS && everyMs <= MAX_EVERY_MS
      ? { schedule: { kind: 'every', everyMs, jitterMs } }
      : { problem: '"every" and a duration of 1s to 366d, such as "every 15m"' };
  }
  const problem = cronProblem(text);
  return problem === undefined
    ? { schedule: { kind: 'cron', expression: text.trim().replace(/\s+/g, ' '), jitterMs } }
    : { problem: `"every 15m", or a cron expression such as "0 6 * * mon-fri" (${problem})` };
}
