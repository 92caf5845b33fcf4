import { timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { type HakiriError, isHakiriError, toHakiriError } from '@hakiri/core';
import type { RunEvent } from '@hakiri/ingest';
import {
  createDoors,
  createMeter,
  createScheduler,
  createTracer,
  type KeptToken,
  keptToken,
  type Log,
  manifestDiff,
  observedServe,
  openTransports,
  ownerProof,
  type RunOutcome,
  residentBytes,
  type Scheduler,
  socketPath,
  watch,
} from '@hakiri/server';
import type { Environment } from '../output.ts';
import type { Project } from '../services.ts';
import { systemClock } from '../system-clock.ts';
import { VERSION } from '../version.ts';
import { acquireDaemonLock } from './daemon-lock.ts';
import { scheduled } from './history.ts';
import { startHousekeeping } from './housekeeping.ts';
import { liveServe } from './live-serve.ts';
import { manifestStamp } from './manifest-stamp.ts';
import { readKeyText } from './owner-access.ts';
import { createPipelines, type Ended } from './pipelines.ts';
import { serverServices } from './server-services.ts';
import type { ServiceManager } from './service-manager.ts';
import { ownerTokenMaker } from './tokens.ts';

export interface DaemonOptions {
  readonly project: Project;
  readonly host: string;
  readonly port: number;
  readonly allowedHosts: readonly string[];
  /** Everybody is left to local and on-prem zones. */
  readonly incognito: boolean;
  readonly schedule: boolean;
  readonly env: Environment;
  readonly log: Log;
  /** Whoever started it. */
  readonly manager: ServiceManager;
  /** Soft: it ends when what runs has reached its next commit. */
  readonly stop: AbortSignal;
  /** Hard: runs end now. */
  readonly kill: AbortSignal;
  /** Called once it takes questions. */
  onReady(where: { readonly host: string; readonly port: number; readonly token: KeptToken }): void;
}

/** Of a project's pipelines; more would wait for the source, the disk or the engine anyway. */
const RUNS_AT_ONCE = 2;
const WAIT_FOR_WRITER_MS = 10 * 60_000;
const LOOK_AT_MANIFEST_MS = 1000;
/** What answers that are under way get when it stops. */
const GRACE_MS = 2000;

export const tokenFile = (folder: string): string => join(folder, '.hakiri', 'keys', 'serve.token');

/**
 * Serves a project until it is stopped: answers agents, runs what is scheduled, keeps the store in order.
 * @throws HakiriError server.running, server.port_taken, secret.file_mode
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { project, env, log, manager, stop, kill } = options;
  const clock = systemClock;
  const lock = await acquireDaemonLock(project.folder, clock);
  const tracer = await createTracer({
    endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
    version: VERSION,
    onError: (error) => log.warn({ reason: toHakiriError(error).message }, 'traces'),
  });
  try {
    const makeToken = await ownerTokenMaker(project);
    // What is wrong with the store is told now, not at the first question.
    await project.storedTables();
    let scheduler: Scheduler | undefined;
    const running = new Set<string>();
    const ofRunning = (text: string): string =>
      running.size === 0 ? '' : `${text}${[...running].join(', ')}`;
    const statusText = (): string => `Serving ${project.manifest.project.name}${ofRunning(', running ')}`;
    const meter = createMeter({
      children: () => project.childPids().length,
      running: () => pipelines.running(),
      memory: () => residentBytes(project.childPids()),
    });
    const pipelines = createPipelines({
      project,
      clock,
      waitMs: WAIT_FOR_WRITER_MS,
      stop,
      kill,
      nextStartMs: (id) => scheduler?.nextStartMs(id),
      onStart(id) {
        scheduler?.started(id);
        running.add(id);
        manager.status(statusText());
        log.info({ pipeline: id }, 'run started');
      },
      onEnd(id, ended) {
        scheduler?.ended(id, outcomeOf(ended, stop));
        running.delete(id);
        if (!stop.aborted) manager.status(statusText());
        if (ended === undefined) return;
        const { ran, rows, elapsedMs } = ended;
        meter.run(id, ran.state, rows, elapsedMs);
        log.info({ pipeline: id, state: ran.state, rows, ms: Math.round(elapsedMs) }, 'run ended');
      },
      onEvent: (id, event) => logEvent(log, id, event),
    });
    const traced: typeof pipelines = {
      ...pipelines,
      run: (id, request) =>
        tracer.span('run', { pipeline: id }, async (span) => {
          const ran = await pipelines.run(id, request);
          span.set({ state: ran.state, rows: ran.tables.reduce((sum, { rows }) => sum + rows, 0) });
          return ran;
        }),
    };

    const serve = observedServe(liveServe(project), { clock, meter, tracer });
    const services = serverServices(project, {
      clock,
      pipelines: traced,
      serve,
    });
    const doors = createDoors({ ...services, incognito: options.incognito });
    const token = await keptToken(tokenFile(project.folder), {
      make: async () => makeToken(),
      check: (kept) => services.gatekeeper.authenticate({ token: kept }),
    });
    const transports = await openTransports({
      services,
      doors,
      isOwner: (proof) => provesKey(project.folder, proof),
      host: options.host,
      port: options.port,
      allowedHosts: options.allowedHosts,
      socketPath: socketPath(project.folder, env),
      meter,
      log,
      tracer,
      isReady: () => !stop.aborted,
    });
    options.onReady({ host: options.host, port: transports.port, token });
    log.info({ host: options.host, port: transports.port, pid: process.pid }, 'listening');
    manager.ready(statusText());
    const replaceSchedule = async (): Promise<void> =>
      scheduler?.replace(scheduled(project.manifest, await project.jobs()));
    if (options.schedule) {
      scheduler = createScheduler({
        clock,
        seed: await project.nodeId(),
        atOnce: RUNS_AT_ONCE,
        run: (id) => runScheduled(traced, id, { log, stop }),
      });
    }

    await replaceSchedule();
    const housekeeping = startHousekeeping({ project, clock, log, stop });
    const watching = watch({
      clock,
      everyMs: LOOK_AT_MANIFEST_MS,
      signal: stop,
      stamp: () => manifestStamp(project.folder),
      onChange: () => reload(project, log, replaceSchedule),
    });

    await aborted(stop);
    log.info({ running: pipelines.running() }, 'stopping');
    manager.stopping(`Stopping${ofRunning(' at the next commit of ')}`);
    await Promise.all([scheduler?.stop(), housekeeping.stop(), watching, pipelines.settled()]);
    await transports.close(GRACE_MS);
    log.info('stopped');
  } finally {
    await tracer.close();
    lock.release();
  }
}

/** The key is read anew: it may have been rotated. */
function provesKey(folder: string, proof: string): boolean {
  const key = readKeyText(folder);
  if (key === undefined) return false;
  const [expected, given] = [Buffer.from(ownerProof(key)), Buffer.from(proof)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** A manifest that cannot be read leaves the one before in force. */
async function reload(project: Project, log: Log, replaceSchedule: () => Promise<void>): Promise<void> {
  try {
    const before = await project.reload();
    const changes = manifestDiff(before, project.manifest);
    await replaceSchedule();
    log.info(
      { changes },
      changes.length === 0 ? 'manifest read again, nothing changed' : 'manifest reloaded',
    );
  } catch (error) {
    log.error(facts(toHakiriError(error)), 'manifest not taken, the one before stays in force');
  }
}

async function runScheduled(
  pipelines: Pick<ReturnType<typeof createPipelines>, 'run'>,
  id: string,
  { log, stop }: { readonly log: Log; readonly stop: AbortSignal },
): Promise<RunOutcome> {
  try {
    const { state } = await pipelines.run(id, {});
    return state === 'done' ? 'done' : state === 'interrupted' ? 'stopped' : 'failed';
  } catch (error) {
    if (stop.aborted || (isHakiriError(error) && error.code === 'pipeline.running')) return 'stopped';
    log.error({ pipeline: id, ...facts(toHakiriError(error)) }, 'run failed');
    return 'failed';
  }
}

function outcomeOf(ended: Ended | undefined, stop: AbortSignal): RunOutcome {
  if (ended === undefined) return stop.aborted ? 'stopped' : 'failed';
  const { state } = ended.ran;
  return state === 'done' ? 'done' : state === 'interrupted' ? 'stopped' : 'failed';
}

function logEvent(log: Log, pipeline: string, event: RunEvent): void {
  switch (event.kind) {
    case 'committed': {
      const { rows, setAside, run } = event.commit;
      log.info({ pipeline, table: event.table.table, rows, set_aside: setAside, run }, 'committed');
      return;
    }
    case 'warning':
      log.warn({ pipeline, table: event.table.table, code: event.code }, event.message);
      return;
    case 'note':
      log.info({ pipeline }, event.message);
      return;
    case 'table-done': {
      const { error, ref } = event.report;
      if (error === undefined || event.report.state === 'interrupted') return;
      log.error({ pipeline, table: ref.table, ...facts(toHakiriError(error)) }, 'table failed');
    }
  }
}

function facts({ code, message, hint }: HakiriError): Readonly<Record<string, string>> {
  return { code, reason: message, hint };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
