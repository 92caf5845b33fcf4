import {
  type Clock,
  HakiriError,
  type Job,
  type PipelineRan,
  type PipelineRunOptions,
  type PipelineSummary,
  type Pipelines,
  toHakiriError,
} from '@hakiri/core';
import { tableNameOf } from '@hakiri/core/manifest';
import type { RunEvent, RunReport } from '@hakiri/ingest';
import { scheduleText } from '../format/schedule-text.ts';
import { formatCount } from '../format/units.ts';
import { unknownPipeline } from '../select-pipelines.ts';
import type { Project } from '../services.ts';

export interface PipelinesOptions {
  readonly project: Project;
  readonly clock: Clock;
  /** How long a run waits for another process that writes. */
  readonly waitMs: number;
  /** Soft: runs end at their next commit. */
  readonly stop: AbortSignal;
  /** Hard: they end now. */
  readonly kill: AbortSignal;
  /** Wall-clock milliseconds of the next scheduled start. */
  nextStartMs(id: string): number | undefined;
  onStart(id: string): void;
  /** Undefined where it could not even begin. */
  onEnd(id: string, ended: Ended | undefined): void;
  onEvent(id: string, event: RunEvent): void;
}

export interface Ended {
  readonly ran: PipelineRan;
  readonly rows: number;
  readonly elapsedMs: number;
}

export interface LivePipelines extends Pipelines {
  running(): number;
  /** Resolves when nothing runs. */
  settled(): Promise<void>;
}

/** Pipelines of a project that stays open; each runs once at a time, whoever asks for it. */
export function createPipelines(options: PipelinesOptions): LivePipelines {
  const { project, clock, waitMs, stop, kill } = options;
  const running = new Map<string, Promise<unknown>>();

  const runOnce = async (id: string, { progress, signal }: PipelineRunOptions): Promise<PipelineRan> => {
    const pipeline =
      project.manifest.pipelines.find((candidate) => candidate.id === id) ??
      unknownPipeline(
        id,
        project.manifest.pipelines.map((candidate) => candidate.id),
      );
    if (running.has(id)) {
      throw new HakiriError('pipeline.running', `The pipeline ${id} is running already`, {
        details: { pipeline: id },
      });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    running.set(id, promise);
    options.onStart(id);
    const startedMs = clock.monotonicMs();
    let ended: Ended | undefined;
    try {
      const tell = progressTeller(progress);
      const report = await project.run({
        pipelines: [pipeline.id],
        waitMs,
        stop: signal === undefined ? stop : AbortSignal.any([stop, signal]),
        kill,
        onEvent(event) {
          options.onEvent(id, event);
          tell(event);
        },
      });
      const ran = ranOf(report);
      const rows = report.tables.reduce((sum, table) => sum + table.rows, 0);
      ended = { ran, rows, elapsedMs: clock.monotonicMs() - startedMs };
      return ran;
    } finally {
      running.delete(id);
      options.onEnd(id, ended);
      resolve();
    }
  };

  return {
    running: () => running.size,
    async settled() {
      await Promise.all(running.values());
    },
    run: runOnce,
    async list() {
      const [jobs, stored] = await Promise.all([project.jobs(), project.storedTables()]);
      const last = new Map<string, Job>();
      for (const job of jobs) {
        const before = last.get(job.pipeline);
        if (before === undefined || before.startedAt <= job.startedAt) last.set(job.pipeline, job);
      }
      return project.manifest.pipelines.map((pipeline): PipelineSummary => {
        const { id, source, schedule } = pipeline;
        const nextMs = options.nextStartMs(id);
        const filled = stored.filter((table) => table.pipelines.includes(id)).map(({ name }) => name);
        const declared = pipeline.tables?.map((table) => tableNameOf(pipeline, table));
        return {
          id,
          connector: source.connector,
          tables: declared ?? (filled.length > 0 ? filled : undefined),
          schedule: schedule === undefined ? undefined : scheduleText(schedule),
          nextRun: nextMs === undefined ? undefined : new Date(nextMs).toISOString(),
          running: running.has(id),
          lastJob: last.get(id),
        };
      });
    },
  };
}

function progressTeller(progress: PipelineRunOptions['progress']): (event: RunEvent) => void {
  if (progress === undefined) return () => {};
  let rows = 0;
  return (event) => {
    switch (event.kind) {
      case 'committed': {
        rows += event.commit.rows;
        const message = `${event.table.table}: committed ${formatCount(event.commit.rows)} rows`;
        progress({ rows, message });
        return;
      }
      case 'table-started':
        progress({ rows, message: `${event.table.table}: started` });
        return;
      case 'progress':
        progress({ rows, message: `${event.table.table}: ${formatCount(event.rows)} rows read` });
        return;
      case 'note':
        progress({ rows, message: event.message });
    }
  };
}

function ranOf({ job, tables }: RunReport): PipelineRan {
  return {
    job,
    state: worst(tables.map(({ state }) => state)),
    tables: tables.map(({ ref, rows, setAside, commits, error }) => ({
      table: ref.table,
      rows,
      setAside,
      runs: commits.map(({ run }) => run),
      error: error === undefined ? undefined : failureOf(error),
    })),
  };
}

function failureOf(error: Error): { readonly code: string; readonly message: string; readonly hint: string } {
  const { code, message, hint } = toHakiriError(error);
  return { code, message, hint };
}

/** Of several tables: failed where all of them failed, `partial_failure` where some of it was committed. */
function worst(states: readonly PipelineRan['state'][]): PipelineRan['state'] {
  if (states.includes('partial_failure')) return 'partial_failure';
  if (states.includes('failed'))
    return states.every((state) => state === 'failed') ? 'failed' : 'partial_failure';
  return states.includes('interrupted') ? 'interrupted' : 'done';
}
