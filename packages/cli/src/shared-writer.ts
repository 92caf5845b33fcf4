import { type Clock, HakiriError } from '@hakiri/core';
import type { LockOptions, WritableStore } from '@hakiri/store';

/**
 * The store, open for writing while somebody in this process writes and a moment longer: opening it costs, and
 * whoever wants to write in another process has to get his turn.
 */
export interface SharedWriter {
  /**
   * All who write at the same time share one store.
   * @throws HakiriError store.locked when another process writes for longer than `waitMs`, interrupted
   */
  use<T>(lock: LockOptions, work: (store: WritableStore) => Promise<T>): Promise<T>;
  /** Gives the store back as soon as nobody uses it. */
  close(): Promise<void>;
}

export interface SharedWriterOptions {
  readonly open: (lock: LockOptions) => Promise<WritableStore>;
  readonly clock: Clock;
  /** How long it is kept when nobody uses it. */
  readonly idleMs: number;
  /** Used without a break for longer than this, it is given back the next time that nobody uses it. */
  readonly longestMs?: number;
}

const LONGEST_MS = 5000;
/** Others look for the lock ten times a second. */
const BREAK_MS = 250;

export function createSharedWriter(options: SharedWriterOptions): SharedWriter {
  const { open, clock, idleMs, longestMs = LONGEST_MS } = options;
  let store: Promise<WritableStore> | undefined;
  let closing: Promise<void> = Promise.resolve();
  let users = 0;
  let openedMs = 0;
  let idle: NodeJS.Timeout | undefined;

  const take = async (lock: LockOptions): Promise<WritableStore> => {
    for (;;) {
      await closing.catch(() => {});
      const joined = store;
      if (joined === undefined) break;
      try {
        return await joined;
      } catch {
        // Whoever opened it had other patience: this one tries for himself.
      }
    }
    const opened = open(lock);
    store = opened;
    openedMs = clock.monotonicMs();
    try {
      return await opened;
    } catch (error) {
      store = undefined;
      if (lock.signal?.aborted)
        throw new HakiriError('interrupted', 'Stopped while another process wrote', { cause: error });
      throw error;
    }
  };

  const giveBack = (breakMs: number): void => {
    clearTimeout(idle);
    const given = store;
    store = undefined;
    if (given === undefined) return;
    closing = given
      .then((opened) => opened.close())
      .finally(() => (breakMs > 0 ? clock.sleep(breakMs) : undefined));
    closing.catch(() => {});
  };

  const release = (): void => {
    users--;
    if (users > 0 || store === undefined) return;
    const isLong = clock.monotonicMs() - openedMs >= longestMs;
    if (idleMs === 0 || isLong) {
      giveBack(isLong && idleMs > 0 ? BREAK_MS : 0);
      return;
    }
    idle = setTimeout(() => giveBack(0), idleMs);
    idle.unref();
  };

  return {
    async use(lock, work) {
      users++;
      clearTimeout(idle);
      try {
        return await work(await take(lock));
      } finally {
        release();
        // Where it is not kept, whoever used it hears of a close that fails.
        if (idleMs === 0 && users === 0) await closing;
      }
    },
    async close() {
      if (users === 0) giveBack(0);
      await closing;
    },
  };
}
