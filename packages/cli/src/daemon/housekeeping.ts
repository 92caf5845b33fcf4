import type { Clock } from '@hakiri/core';
import { toHakiriError } from '@hakiri/core';
import { createScheduler, type Log, type Scheduler } from '@hakiri/server';
import type { Project } from '../services.ts';

export interface HousekeepingOptions {
  readonly project: Project;
  readonly clock: Clock;
  readonly log: Log;
  readonly stop: AbortSignal;
}

interface Chore {
  readonly everyMs: number;
  do(): Promise<unknown>;
}

const MINUTE_MS = 60_000;

/** What a store that is kept open needs from time to time, one thing at a time. */
export function startHousekeeping({ project, clock, log, stop }: HousekeepingOptions): Scheduler {
  const note = (message: string): void => log.info({ chore: 'tidy' }, message);
  const chores: Readonly<Record<string, Chore>> = {
    // Small writes of a writer that has gone idle.
    fold: { everyMs: MINUTE_MS, do: () => project.foldSmallWrites() },
    // Indexes that were left behind, by an embedding endpoint that was down for example.
    indexes: { everyMs: 5 * MINUTE_MS, do: () => project.catchUpIndexes(stop) },
    // Merges where it pays, and removes what is past its retention.
    tidy: { everyMs: 60 * MINUTE_MS, do: () => project.tidy(stop, note) },
  };
  const scheduler = createScheduler({
    clock,
    seed: project.folder,
    atOnce: 1,
    async run(name) {
      try {
        await chores[name]?.do();
        return 'done';
      } catch (error) {
        const { code, message } = toHakiriError(error);
        // Somebody else writes: the next time will do.
        if (code !== 'store.locked' && code !== 'store.compacting') log.warn({ chore: name, code }, message);
        return 'stopped';
      }
    },
  });
  const nowMs = clock.nowMs();
  scheduler.replace(
    Object.entries(chores).map(([id, { everyMs }]) => ({
      id,
      schedule: { kind: 'every', everyMs, jitterMs: 0 },
      lastStartMs: nowMs,
    })),
  );
  return scheduler;
}
