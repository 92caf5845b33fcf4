import type { Schedule } from '@hakiri/core';

/** As the manifest has it. */
export function scheduleText(schedule: Schedule): string {
  if (schedule.kind === 'cron') return schedule.expression;
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const;
  const [unit, ms] = units.find(([, length]) => schedule.everyMs % length === 0) ?? ['ms', 1];
  return `every ${schedule.everyMs / ms}${unit}`;
}
