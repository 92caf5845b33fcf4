import type { EngineRequest } from '../protocol.ts';
import { type ChildRole, EngineChild, type SpawnChild } from './child-process.ts';
import { type SessionLimits, startDeadline } from './deadline.ts';
import { idleTimer } from './idle-timer.ts';

/** A child that is asked one thing at a time, and replaced when it is spent. */
export interface Lane {
  readonly child: EngineChild | undefined;
  ask<Result>(request: EngineRequest, options?: AskOptions): Promise<Result>;
}

export interface AskOptions {
  /** Counts towards `recycleAfterParts`. */
  readonly makes?: 'part';
  /** Past them the request fails, and the child ends if it was at work on it; what waits behind goes on. */
  readonly limits?: SessionLimits;
}

export interface LaneOptions {
  readonly role: ChildRole;
  readonly recycleAfterParts: number;
  readonly recycleAtBytes: number;
  readonly idleMs: number | undefined;
}

const NO_LIMITS: SessionLimits = { timeoutMs: undefined };

export function createLane(spawn: SpawnChild, options: LaneOptions): Lane {
  let child: EngineChild | undefined;
  let parts = 0;
  let asked = 0;
  let queue: Promise<unknown> = Promise.resolve();
  const idle = idleTimer(options.idleMs, () => void child?.kill());

  const current = (): EngineChild => {
    const isSpent = parts >= options.recycleAfterParts || (child?.memoryBytes ?? 0) >= options.recycleAtBytes;
    if (child && (!child.alive || isSpent)) {
      void child.kill();
      child = undefined;
    }
    if (!child) {
      child = new EngineChild(spawn, options.role);
      parts = 0;
    }
    return child;
  };

  return {
    get child() {
      return child;
    },
    // One request at a time: it needs the whole of the memory the child may take.
    async ask<Result>(request: EngineRequest, { makes, limits = NO_LIMITS }: AskOptions = {}) {
      asked++;
      idle.stop();
      const deadline = startDeadline(limits);
      const turn = queue.then(async () => {
        if (deadline.reason) throw deadline.reason;
        const taken = current();
        if (makes === 'part') parts++;
        let answered = false;
        deadline.passed.catch((reason) => {
          if (!answered) void taken.kill(reason);
        });
        try {
          return await taken.request(request);
        } finally {
          answered = true;
        }
      });
      queue = turn.catch(() => {});
      try {
        return (await Promise.race([turn, deadline.passed])) as Result;
      } finally {
        deadline.clear();
        asked--;
        if (asked === 0) idle.start();
      }
    },
  };
}
