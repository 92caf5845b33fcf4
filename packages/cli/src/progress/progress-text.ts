import type { PullProgress } from '@hakiri/core';
import type { RunEvent } from '@hakiri/ingest';
import { formatBytes, formatCount, formatDuration, plural } from '../format/units.ts';

type ProgressEvent = Extract<RunEvent, { kind: 'progress' }>;

/** Rows, rate, pages done of all, time left: as much of it as is known. */
export function progressText({ rows, elapsedMs, pull }: ProgressEvent): string {
  const parts = [plural(rows, 'row')];
  // A rate over the first moments says more about start-up than about the source.
  if (elapsedMs >= 500) parts.push(`${formatCount((rows * 1000) / elapsedMs)} rows/s`);
  if (pull !== undefined) parts.push(pullText(pull));
  const left = pull === undefined ? undefined : remainingMs(pull, elapsedMs);
  if (left !== undefined) parts.push(`${formatDuration(left)} left`);
  return parts.join('  ');
}

function pullText({ done, total, unit }: PullProgress): string {
  if (unit === 'bytes')
    return total === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
  const noun = unit.slice(0, -1);
  return total === undefined ? plural(done, noun) : `${formatCount(done)} of ${plural(total, noun)}`;
}

function remainingMs({ done, total }: PullProgress, elapsedMs: number): number | undefined {
  if (total === undefined || done <= 0 || done >= total || elapsedMs < 500) return undefined;
  return (elapsedMs * (total - done)) / done;
}
