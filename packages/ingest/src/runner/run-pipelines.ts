import {
  type Clock,
  type Destination,
  type Files,
  HakiriError,
  type JobEnd,
  type JobId,
  type Lineage,
  type Manifest,
  type Pipeline,
  type PipelineId,
  type Source,
  type TableName,
  type TableRedactor,
  type TransformStep,
  toHakiriError,
} from '@hakiri/core';
import { type OpenRedactor, redactorOf } from './redactor-of.ts';
import { type ResolvedTable, resolveTables } from './resolve-tables.ts';
import type { RunEvent, RunReport, TableReport } from './run-events.ts';
import { runTable, type TableRun } from './run-table.ts';

export interface RunnerOptions {
  readonly job: JobId;
  readonly manifest: Manifest;
  readonly pipelines: readonly Pipeline[];
  readonly destination: Destination;
  readonly jobs: JobBook;
  readonly files: Files;
  readonly clock: Clock;
  /** Of this run alone. */
  readonly spoolFolder: string;
  /** Tables pulled at the same time. */
  readonly parallel: number;
  /** Where several of these go on at once in a process: no two of them work on the same table. */
  inTurn?<T>(table: TableName, work: () => Promise<T>): Promise<T>;
  createSource(pipeline: Pipeline): Source;
  lineage(pipeline: Pipeline): Lineage;
  readonly openRedactor?: OpenRedactor;
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  onEvent(event: RunEvent): void;
}

/** Where it is written down that a job runs and how it ended. */
export interface JobBook {
  startJob(job: JobId, pipeline: PipelineId, startedAt: string): Promise<void>;
  endJob(job: JobId, pipeline: PipelineId, end: JobEnd): Promise<void>;
}

/**
 * Runs the tables of several pipelines side by side. Tables that feed one and the same store table take turns:
 * each commit builds on the one before.
 * @throws HakiriError when a pipeline's source or tables cannot even be set up
 */
export async function runPipelines(options: RunnerOptions): Promise<RunReport> {
  const { clock, job, jobs, manifest, inTurn = (_table, work) => work() } = options;
  const sources: Source[] = [];
  try {
    const work: Work[] = [];
    for (const pipeline of options.pipelines) {
      const source = options.createSource(pipeline);
      sources.push(source);
      for (const table of await resolveTables(pipeline, source)) {
        const redactor = await redactorOf(manifest, table, options.openRedactor);
        work.push({ pipeline, source, table, redactor });
      }
    }
    refuseSharedReplace(work);
    // What an earlier run left there is worth nothing.
    await options.files.removeTree(options.spoolFolder);
    const now = () => new Date(clock.nowMs()).toISOString();
    for (const { id } of options.pipelines) await jobs.startJob(job, id, now());
    const reports = await inParallel(options.parallel, byStoreTable(work), async (queue) => {
      const done: TableReport[] = [];
      for (const { pipeline, source, table, redactor } of queue) {
        const { destination, files, spoolFolder, stop, kill, onEvent } = options;
        const lineage = options.lineage(pipeline);
        const steps = stepsFor(manifest, table.name);
        const run: TableRun = {
          job,
          pipeline,
          table,
          source,
          destination,
          steps,
          lineage,
          redactor,
          files,
          clock,
          spoolFolder,
          stop,
          kill,
          onEvent,
        };
        done.push(await inTurn(table.name, () => runTable(run)));
      }
      return done;
    });
    const tables = reports.flat();
    for (const { id } of options.pipelines) {
      await jobs.endJob(job, id, {
        ...jobEnd(tables.filter(({ ref }) => ref.pipeline === id)),
        endedAt: now(),
      });
    }
    return { job, tables };
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

interface Work {
  readonly pipeline: Pipeline;
  readonly source: Source;
  readonly table: ResolvedTable;
  readonly redactor: TableRedactor | undefined;
}

/** The manifest says what it can of this itself; tables it leaves to the source are known only here. */
function refuseSharedReplace(work: readonly Work[]): void {
  for (const queue of byStoreTable(work)) {
    const [first, second] = queue;
    if (!first || !second || !queue.some(({ table }) => table.mode === 'replace')) continue;
    throw new HakiriError(
      'manifest.table_conflict',
      `Pipelines ${first.pipeline.id} and ${second.pipeline.id} both feed ${first.table.name}: with mode = "replace" each would delete the other's rows`,
    );
  }
}

function byStoreTable(work: readonly Work[]): readonly (readonly Work[])[] {
  const queues = new Map<TableName, Work[]>();
  for (const item of work) queues.set(item.table.name, [...(queues.get(item.table.name) ?? []), item]);
  return [...queues.values()];
}

export function stepsFor(manifest: Manifest, table: TableName): readonly TransformStep[] {
  return manifest.transforms.filter((transform) => transform.table === table).flatMap(({ steps }) => steps);
}

/** The worst of its tables says how a job ended. */
function jobEnd(tables: readonly TableReport[]): Omit<JobEnd, 'endedAt'> {
  const failed = tables.find(({ error }) => error !== undefined);
  const errorCode = failed?.error === undefined ? null : toHakiriError(failed.error).code;
  if (tables.some(({ state }) => state === 'interrupted')) return { state: 'interrupted', errorCode };
  if (!failed) return { state: 'done', errorCode };
  return {
    state: tables.some(({ commits }) => commits.length > 0) ? 'partial_failure' : 'failed',
    errorCode,
  };
}

async function inParallel<T, R>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
