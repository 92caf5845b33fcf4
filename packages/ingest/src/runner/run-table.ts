import {
  type Clock,
  type Destination,
  type Files,
  HakiriError,
  type JobId,
  type Lineage,
  type Pipeline,
  type Source,
  type TableRedactor,
  type TransformStep,
  toHakiriError,
} from '@hakiri/core';
import type { ResolvedTable } from './resolve-tables.ts';
import type { RunEvent, TableRef, TableReport } from './run-events.ts';
import { WayIn } from './way-in.ts';

export interface TableRun {
  readonly job: JobId;
  readonly pipeline: Pipeline;
  readonly table: ResolvedTable;
  readonly source: Source;
  readonly destination: Destination;
  readonly steps: readonly TransformStep[];
  readonly lineage: Lineage;
  readonly redactor: TableRedactor | undefined;
  readonly files: Files;
  readonly clock: Clock;
  readonly spoolFolder: string;
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  onEvent(event: RunEvent): void;
}

/** Pulls one table to its end. Never throws: what went wrong is in the report, what was committed stays. */
export async function runTable(run: TableRun): Promise<TableReport> {
  const { table, pipeline, clock, source } = run;
  const ref: TableRef = { pipeline: pipeline.id, source: table.info.name, table: table.name };
  const started = clock.monotonicMs();
  let way: WayIn | undefined;
  let error: HakiriError | undefined;
  try {
    way = await WayIn.open(run, ref);
    for await (const batch of source.pull({ table: table.info.name, cursor: way.cursor, signal: run.kill })) {
      await way.take(batch);
      if (run.stop.aborted) break;
    }
    await way.finish(run.stop.aborted);
  } catch (caught) {
    error = run.kill.aborted
      ? new HakiriError('interrupted', 'Stopped', { cause: caught })
      : toHakiriError(caught);
    await way?.salvage(error).catch(() => {});
  }
  const commits = way?.commits ?? [];
  const state = reportState(error, run.stop.aborted, commits.length);
  const report: TableReport = {
    ref,
    state,
    rows: commits.reduce((sum, commit) => sum + commit.rows, 0),
    setAside: commits.reduce((sum, commit) => sum + commit.setAside, 0),
    commits,
    elapsedMs: clock.monotonicMs() - started,
    error,
  };
  run.onEvent({ kind: 'table-done', report });
  return report;
}

function reportState(
  error: HakiriError | undefined,
  stopped: boolean,
  commits: number,
): TableReport['state'] {
  if (error?.code === 'interrupted' || (error === undefined && stopped)) return 'interrupted';
  if (error === undefined) return 'done';
  return commits > 0 ? 'partial_failure' : 'failed';
}
