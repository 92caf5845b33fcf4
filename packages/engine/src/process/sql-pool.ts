import { HakiriError, isHakiriError } from '@hakiri/core';
import type { EngineRequest } from '../protocol.ts';
import { EngineChild, type SpawnChild } from './child-process.ts';
import { type Deadline, type SessionLimits, startDeadline } from './deadline.ts';
import { idleTimer } from './idle-timer.ts';

/**
 * Children for SQL from outside: a query has one to itself, so that the end of one disturbs no other. Past the limit
 * queries wait, first come first served.
 */
export interface SqlPool {
  ask<Result>(request: EngineRequest, limits: SessionLimits): Promise<Result>;
  children(): readonly EngineChild[];
  /** What waits for a child fails. */
  close(): void;
}

export interface SqlPoolOptions {
  readonly maxChildren: number;
  readonly recycleAtBytes: number;
  readonly idleMs: number | undefined;
  /** While queries run, one more child is kept ready. */
  readonly keepSpare: boolean;
}

export function createSqlPool(
  spawn: SpawnChild,
  { maxChildren, recycleAtBytes, idleMs, keepSpare }: SqlPoolOptions,
): SqlPool {
  const busy = new Set<EngineChild>();
  const ready: EngineChild[] = [];
  const waiting = new Set<() => void>();
  const keptReady = keepSpare ? 2 : 1;
  let running = 0;
  let closed = false;
  const idle = idleTimer(idleMs, () => {
    for (const child of ready.splice(0)) void child.kill();
  });

  const start = (): EngineChild => {
    const child = new EngineChild(spawn, 'sql');
    // In front of the first query, which then pays less of the start; where it fails, the query will say so.
    child.request({ op: 'warm' }).catch(() => {});
    return child;
  };

  const takeReady = (): EngineChild | undefined => {
    for (let child = ready.pop(); child; child = ready.pop()) if (child.alive) return child;
    return undefined;
  };

  const take = (): EngineChild => {
    idle.stop();
    const child = takeReady() ?? start();
    busy.add(child);
    if (keepSpare && ready.length === 0) ready.push(start());
    return child;
  };

  const giveBack = (child: EngineChild): void => {
    busy.delete(child);
    const isSpent = child.isSpent || child.memoryBytes >= recycleAtBytes;
    if (closed || !child.alive || isSpent || ready.length >= keptReady) void child.kill();
    else ready.push(child);
  };

  /** Resolves with a place among those that run, which `leave` gives up. */
  const enter = (passed: Promise<never>): Promise<void> => {
    if (running < maxChildren) {
      running++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      waiting.add(resolve);
      passed.catch((reason) => {
        if (waiting.delete(resolve)) reject(reason);
      });
    });
  };

  const leave = (): void => {
    const next = waiting.values().next().value;
    if (next) {
      waiting.delete(next);
      next();
    } else {
      running--;
      if (running === 0) idle.start();
    }
  };

  const run = async (request: EngineRequest, deadline: Deadline): Promise<unknown> => {
    if (closed) throw new HakiriError('engine.crashed', 'The engine was stopped');
    if (deadline.reason) throw deadline.reason;
    const child = take();
    deadline.passed.catch((reason) => {
      if (busy.has(child)) void child.kill(reason);
    });
    try {
      return await child.request(request);
    } catch (error) {
      throw child.hasAnswered && !closed ? crashOfQuery(error) : error;
    } finally {
      giveBack(child);
    }
  };

  return {
    async ask<Result>(request: EngineRequest, limits: SessionLimits) {
      const deadline = startDeadline(limits);
      try {
        await enter(deadline.passed);
        try {
          return (await run(request, deadline)) as Result;
        } finally {
          leave();
        }
      } finally {
        deadline.clear();
      }
    },
    children: () => [...busy, ...ready],
    close() {
      closed = true;
      idle.stop();
      while (waiting.size > 0) leave();
    },
  };
}

/** A child that could work and then ended did so over the query it was given. */
function crashOfQuery(error: unknown): unknown {
  if (!isHakiriError(error) || error.code !== 'engine.crashed') return error;
  return new HakiriError('query.failed', 'The query ended the process that ran it', {
    cause: error,
    hint: 'Other queries go on. Narrow it: fewer columns, a filter, shorter texts, or a LIMIT.',
  });
}
