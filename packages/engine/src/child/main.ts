import { writeSync } from 'node:fs';
import { HakiriError, toHakiriError } from '@hakiri/core';
import type { EngineReply, EngineRequest } from '../protocol.ts';
import { onLines, protocolLine } from '../protocol-line.ts';
import { exportRows } from './export-rows.ts';
import { volunteerForOutOfMemory, watchMemory } from './memory-watch.ts';
import { lowerPriority, OUTSIDE_NICENESS, SLOW_NICENESS, SLOW_QUERY_CPU_MS } from './priority.ts';
import { TOO_MUCH_MEMORY } from './query-error.ts';
import { warmSession } from './session.ts';
import { runSessionQuery } from './sql.ts';
import { createWriter, type WriterJob } from './writer.ts';

export { jsonValue } from './json-value.ts';
export { mapEngineError } from './map-error.ts';
export type { WriterJob } from './writer.ts';

const BUILT_IN: Readonly<Record<string, () => Promise<WriterJob>>> = {
  compact: async () => (await import('../compact/compact.ts')).compact,
};

/**
 * The child's whole life: requests on stdin, answers on stdout, until the parent is gone. `jobs` is what `job`
 * requests may name; each is loaded when it is first asked for.
 */
export async function runEngineChild(
  jobs: Readonly<Record<string, () => Promise<WriterJob>>> = {},
): Promise<void> {
  const writer = createWriter();
  const handle = async (request: EngineRequest): Promise<unknown> => {
    switch (request.op) {
      case 'convert':
        return writer.convert(request);
      case 'check_transform':
        return writer.checkTransform(request.transform);
      case 'describe':
        return writer.describe(request.input, request.transform);
      case 'file_schema':
        return writer.fileSchema(request.path, request.format);
      case 'count_rows':
        return writer.countRows(request.path);
      case 'select':
        return writer.select(request.sql);
      case 'copy':
        return writer.copy(request);
      case 'job': {
        const load = jobs[request.job] ?? BUILT_IN[request.job];
        if (!load) throw new HakiriError('internal', `The engine has no job ${request.job}`);
        return writer.job(await load(), request.request);
      }
      case 'warm':
        volunteerForOutOfMemory();
        return warmSession().finally(() => lowerPriority(OUTSIDE_NICENESS));
      case 'query':
        return runSessionQuery(request);
      case 'export':
        return exportRows(request);
    }
  };
  const answer = (reply: EngineReply) => process.stdout.write(protocolLine(reply));

  // stdin closes when the parent ends, however it ends; native work in another thread must not keep us.
  process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL'));
  process.stdout.on('error', () => process.kill(process.pid, 'SIGKILL'));

  let queue = Promise.resolve();
  onLines(process.stdin, (line) => {
    queue = queue.then(async () => {
      const { id, ...request } = JSON.parse(line) as EngineRequest & { readonly id: number };
      const guarded = isFromOutside(request) ? guard(id) : UNGUARDED;
      const state = () => ({
        id,
        memoryBytes: process.memoryUsage.rss(),
        ...(guarded.isSpent ? { spent: true as const } : {}),
      });
      try {
        // JSON leaves out what is undefined, and the answer would be neither.
        const ok = (await handle(request as EngineRequest)) ?? null;
        answer({ ...state(), ok });
      } catch (error) {
        const { code, message, hint } = toHakiriError(error);
        answer({ ...state(), error: { code, message, hint } });
      } finally {
        guarded.end();
      }
    });
  });
}

interface Guard {
  /** The process is no longer what it was, and should serve no other query. */
  readonly isSpent: boolean;
  end(): void;
}

const UNGUARDED: Guard = { isSpent: false, end: () => {} };

/** Keeps a query from taking the machine, while it runs. */
function guard(id: number): Guard {
  let isSpent = false;
  const before = process.cpuUsage();
  const watchTime = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 < SLOW_QUERY_CPU_MS) return;
    clearInterval(watchTime);
    isSpent = true;
    lowerPriority(SLOW_NICENESS);
  }, SLOW_QUERY_CPU_MS / 4);
  const endWatch = watchMemory(() => {
    // At once, and without waiting for native work that goes on.
    writeSync(1, protocolLine({ id, memoryBytes: process.memoryUsage.rss(), error: TOO_MUCH_MEMORY }));
    process.kill(process.pid, 'SIGKILL');
  });
  return {
    get isSpent() {
      return isSpent;
    },
    end() {
      clearInterval(watchTime);
      endWatch();
    },
  };
}

function isFromOutside({ op }: { readonly op: string }): boolean {
  return op === 'query' || op === 'export';
}
