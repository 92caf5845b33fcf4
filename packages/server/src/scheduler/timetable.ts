import type { Schedule } from '@hakiri/core';
import { type Slots, slotsOf } from './slots.ts';

/** Both clocks at one moment: the wall's may jump, the other never goes back. */
export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

export interface Entry {
  readonly id: string;
  readonly schedule: Schedule;
  /** When it last ran, before this process; undefined when it never did. */
  readonly lastStartMs?: number | undefined;
  /** How often in a row it has failed since it last succeeded. */
  readonly failures?: number;
}

export type RunOutcome = 'done' | 'failed' | 'stopped';

/**
 * What is due and what comes next: no timers, no I/O, time comes as an argument.
 *
 * - Slots that passed while it could not run (asleep, down, busy) are caught up once, however many there were.
 * - What is running is never due.
 * - What fails is held up for twice the time at each failure, up to an hour, or the time between two slots.
 * - A clock that is set back repeats no slot, and holds nothing up for longer than twice the time between slots; if it
 *   is set back further than that, it counts anew.
 */
export interface Timetable {
  /** Puts these in the place of all there were; what is known of ids that stay is kept. */
  replace(entries: readonly Entry[], now: Now): void;
  /** Ids to start now, the one that has waited longest first. */
  due(now: Now): readonly string[];
  started(id: string, now: Now): void;
  /** Of what is not running it changes nothing. */
  ended(id: string, outcome: RunOutcome): void;
  /** Wall-clock milliseconds of the next start, now when it is due; undefined when nothing is to come. */
  nextStartMs(id: string, now: Now): number | undefined;
  /** Until something that is not running now is due; infinite when nothing will be. */
  idleMs(now: Now): number;
}

const LONGEST_BACKOFF_MS = 3_600_000;
/** By how much an interval may be late by the wall's clock before the other clock counts: they never agree fully. */
const LATE_SHARE = 0.1;
const LATE_MAX_MS = 5000;

interface Line {
  schedule: Schedule;
  slots: Slots;
  /** Slots up to here are dealt with; undefined: it never ran and is due at once. */
  handledMs: number | undefined;
  startedMonotonicMs: number | undefined;
  failures: number;
}

/** `seed` makes the jitter of this install. */
export function createTimetable(seed: string): Timetable {
  let lines = new Map<string, Line>();
  /** Also of what has no schedule: it may get one while it runs. */
  const running = new Set<string>();

  const open = ({ id, schedule, lastStartMs, failures = 0 }: Entry, now: Now): Line => {
    const known = lastStartMs === undefined ? undefined : Math.min(lastStartMs, now.wallMs);
    return {
      schedule,
      slots: slotsOf(schedule, `${seed}/${id}`),
      // A cron expression says when; an interval only how often, so that its first run need not wait.
      handledMs: known ?? (schedule.kind === 'cron' ? now.wallMs : undefined),
      startedMonotonicMs: known === undefined ? undefined : now.monotonicMs - (now.wallMs - known),
      failures,
    };
  };

  /** When it starts, or should have, by the wall's clock. */
  const startMs = (line: Line, now: Now): number | undefined => {
    const dueMs = dueFrom(line, now);
    if (dueMs === undefined || line.startedMonotonicMs === undefined || line.failures === 0) return dueMs;
    const sinceStart = now.monotonicMs - line.startedMonotonicMs;
    return Math.max(dueMs, now.wallMs - sinceStart + backoffMs(line, now));
  };

  const waiting = (now: Now): readonly { readonly id: string; readonly atMs: number }[] =>
    [...lines].flatMap(([id, line]) => {
      const atMs = running.has(id) ? undefined : startMs(line, now);
      return atMs === undefined ? [] : [{ id, atMs }];
    });

  return {
    replace(entries, now) {
      lines = new Map(
        entries.map((entry) => {
          const fresh = open(entry, now);
          const { schedule, slots } = fresh;
          const before = lines.get(entry.id);
          return [entry.id, before === undefined ? fresh : { ...before, schedule, slots }];
        }),
      );
    },
    due: (now) =>
      waiting(now)
        .filter(({ atMs }) => atMs <= now.wallMs)
        .sort((a, b) => a.atMs - b.atMs)
        .map(({ id }) => id),
    started(id, now) {
      running.add(id);
      const line = lines.get(id);
      if (line === undefined) return;
      line.handledMs = Math.max(line.handledMs ?? now.wallMs, now.wallMs);
      line.startedMonotonicMs = now.monotonicMs;
    },
    ended(id, outcome) {
      const line = running.delete(id) ? lines.get(id) : undefined;
      if (line === undefined || outcome === 'stopped') return;
      line.failures = outcome === 'failed' ? line.failures + 1 : 0;
    },
    nextStartMs(id, now) {
      const line = lines.get(id);
      const atMs = line === undefined ? undefined : startMs(line, now);
      return atMs === undefined ? undefined : Math.max(atMs, now.wallMs);
    },
    idleMs: (now) => Math.max(0, Math.min(...waiting(now).map(({ atMs }) => atMs - now.wallMs))),
  };
}

/** The first slot that is not dealt with; for an interval by either clock, whichever comes first. */
function dueFrom(line: Line, now: Now): number | undefined {
  if (line.handledMs === undefined) return now.wallMs;
  if (line.handledMs - now.wallMs > gapMs(line, line.handledMs)) line.handledMs = now.wallMs;
  const slot = line.slots.after(line.handledMs);
  if (line.schedule.kind === 'cron' || line.startedMonotonicMs === undefined) return slot;
  const { everyMs, jitterMs } = line.schedule;
  const lateMs = jitterMs + Math.min(everyMs * LATE_SHARE, LATE_MAX_MS);
  const sinceStart = now.monotonicMs - line.startedMonotonicMs;
  return Math.min(slot ?? Number.POSITIVE_INFINITY, now.wallMs - sinceStart + everyMs + lateMs);
}

function backoffMs(line: Line, now: Now): number {
  const gap = gapMs(line, now.wallMs);
  return Math.min(gap * 2 ** (line.failures - 1), Math.max(gap, LONGEST_BACKOFF_MS));
}

/** Between the slots that come next. */
function gapMs({ slots }: Line, fromMs: number): number {
  const first = slots.after(fromMs);
  const second = first === undefined ? undefined : slots.after(first);
  return first === undefined || second === undefined ? Number.POSITIVE_INFINITY : second - first;
}
