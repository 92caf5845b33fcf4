import type { Clock } from '@hakiri/core';

export interface Watch {
  readonly clock: Clock;
  /** Differs when what is watched differs. */
  stamp(): Promise<string>;
  /** Called when it has changed and has stayed so for one look: an editor writes in several steps. */
  onChange(): Promise<void>;
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/** Looks again and again: works on every file system, and costs a few calls a second. Resolves when it is ended. */
export async function watch({ clock, stamp, onChange, everyMs, signal }: Watch): Promise<void> {
  const look = (): Promise<string> => stamp().catch(() => 'unreadable');
  let acted = await look();
  let seen = acted;
  while (!signal.aborted) {
    await clock.sleep(everyMs, signal).catch(() => {});
    if (signal.aborted) return;
    const now = await look();
    if (now !== acted && now === seen) {
      acted = now;
      await onChange();
    }
    seen = now;
  }
}
