import { createDoors, createLog, createMcp, type Log, serveStdio } from '@hakiri/server';
import type { Pipes } from '@hakiri/server/relay';
import type { Call } from '../services.ts';
import { systemClock } from '../system-clock.ts';
import { createPipelines } from './pipelines.ts';
import { serverServices } from './server-services.ts';
import { staying } from './staying.ts';

const WAIT_FOR_WRITER_MS = 60_000;

export interface AloneOptions {
  /** The owner's grant when undefined. */
  readonly token: string | undefined;
  readonly incognito: boolean;
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

/**
 * Serves one client over pipes, with services of its own, until its input ends or `stop` is aborted.
 * @throws HakiriError token.* where the token lets nobody in
 */
export async function serveAlone(
  { services, output }: Call,
  folder: string,
  pipes: Pipes,
  { token, incognito, stop, kill }: AloneOptions,
): Promise<void> {
  const clock = systemClock;
  const log: Log = createLog({ write: output.err.write, level: services.env.HAKIRI_LOG ?? 'warn' });
  const ended = new AbortController();
  const project = await services.openProject(
    folder,
    staying('hakiri mcp', services.env, (message) => log.warn({}, message)),
  );
  try {
    const pipelines = createPipelines({
      project,
      clock,
      waitMs: WAIT_FOR_WRITER_MS,
      // Nobody is left to hear how a run ended: it stops at its next commit.
      stop: AbortSignal.any([stop, ended.signal]),
      kill,
      nextStartMs: () => undefined,
      onStart: () => {},
      onEnd: () => {},
      onEvent: () => {},
    });
    const serving = serverServices(project, { clock, pipelines });
    const shown = token === undefined ? ({ kind: 'owner' } as const) : ({ kind: 'token', token } as const);
    const door = createDoors(serving).connection(shown, { incognito });
    await door();
    const mcp = createMcp(serving, {
      onError: (error) => log.warn({ reason: error.message }, 'mcp'),
    });
    await serveStdio(mcp, { door, ...pipes, signal: stop }).closed;
    ended.abort();
    await pipelines.settled();
  } finally {
    await project.close();
  }
}
