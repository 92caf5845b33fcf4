import type { Clock } from '@hakiri/core';
import { createTimetable, type Entry, type Now, type RunOutcome } from './timetable.ts';

export interface Scheduler {
  /** Puts these in the place of all there were. */
  replace(entries: readonly Entry[]): void;
  /** Something that it did not start itself has started: it does not start it as well. */
  started(id: string): void;
  /** May be told of its own as well. */
  ended(id: string, outcome: RunOutcome): void;
  /** Wall-clock milliseconds; undefined for what has no schedule. */
  nextStartMs(id: string): number | undefined;
  /** Starts nothing more; what it started goes on. Resolves when that has ended, too. */
  stop(): Promise<void>;
}

export interface SchedulerOptions {
  readonly clock: Clock;
  /** Makes the jitter of this install. */
  readonly seed: string;
  readonly atOnce: number;
  /** Runs it to its end. */
  run(id: string): Promise<RunOutcome>;
}

/** A machine that sleeps, or whose clock is set, is not told to us: the longest time until it is noticed. */
const LONGEST_NAP_MS = 15_000;

/** Starts what is due, until it is stopped. */
export function createScheduler({ clock, seed, atOnce, run }: SchedulerOptions): Scheduler {
  const timetable = createTimetable(seed);
  const own = new Set<Promise<void>>();
  let nap = new AbortController();
  let stopped = false;

  const now = (): Now => ({ wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() });

  const launch = (id: string): void => {
    timetable.started(id, now());
    const running = run(id)
      .catch((): RunOutcome => 'failed')
      .then((outcome) => {
        timetable.ended(id, outcome);
        own.delete(running);
        nap.abort();
      });
    own.add(running);
  };

  const loop = async (): Promise<void> => {
    while (!stopped) {
      for (const id of timetable.due(now()).slice(0, Math.max(0, atOnce - own.size))) launch(id);
      nap = new AbortController();
      // Where all places are taken, the end of a run wakes it.
      const idleMs = own.size >= atOnce ? LONGEST_NAP_MS : timetable.idleMs(now());
      await clock.sleep(Math.min(idleMs, LONGEST_NAP_MS), nap.signal).catch(() => {});
    }
  };
  const looping = loop();

  return {
    replace(entries) {
      timetable.replace(entries, now());
      nap.abort();
    },
    started: (id) => timetable.started(id, now()),
    ended(id, outcome) {
      timetable.ended(id, outcome);
      nap.abort();
    },
    nextStartMs: (id) => timetable.nextStartMs(id, now()),
    async stop() {
      stopped = true;
      nap.abort();
      await looping;
      await Promise.all(own);
    },
  };
}
