import { DatabaseSync } from 'node:sqlite';
import { type Clock, HakiriError } from '@hakiri/core';

/** One appender at a time among the processes of a node. */
export interface NodeLock {
  /** @throws HakiriError audit.unavailable after ten seconds */
  acquire(): Promise<void>;
  release(): void;
  /** Whether another process waits. */
  contended(): boolean;
  close(): void;
}

const MOST_WAIT_MS = 10_000;
const RETRY_MS = 1;
const BUSY = 5;

/**
 * Write transactions, never carried out, on two empty SQLite files: the system gives them back when a process ends,
 * however it ends. Who waits for the first holds the second meanwhile, so that who has the first lets him in.
 */
export function openNodeLock(folder: string, clock: Clock): NodeLock {
  const lock = lockFile(`${folder}/append.lock`);
  const turn = lockFile(`${folder}/turn.lock`);
  return {
    async acquire() {
      if (lock.take()) return;
      const deadline = clock.monotonicMs() + MOST_WAIT_MS;
      let isNext = false;
      try {
        for (;;) {
          isNext ||= turn.take();
          await clock.sleep(RETRY_MS);
          if (lock.take()) return;
          if (clock.monotonicMs() < deadline) continue;
          throw new HakiriError(
            'audit.unavailable',
            'Another process has been writing to the audit log for too long',
          );
        }
      } finally {
        if (isNext) turn.give();
      }
    },
    release: () => lock.give(),
    contended() {
      if (!turn.take()) return true;
      turn.give();
      return false;
    },
    close() {
      lock.close();
      turn.close();
    },
  };
}

function lockFile(path: string) {
  const db = new DatabaseSync(path, { timeout: 0 });
  const begin = db.prepare('BEGIN IMMEDIATE');
  const rollback = db.prepare('ROLLBACK');
  return {
    take(): boolean {
      try {
        begin.run();
        return true;
      } catch (error) {
        if (((error as { readonly errcode?: number }).errcode ?? 0) % 256 === BUSY) return false;
        throw error;
      }
    },
    give: () => void rollback.run(),
    close: () => db.close(),
  };
}
