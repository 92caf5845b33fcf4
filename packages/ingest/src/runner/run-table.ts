import {
  type Batch,
  type Clock,
  type Commit,
  type Destination,
  type Files,
  HakiriError,
  type JobId,
  type Lineage,
  type Pipeline,
  type RecordBatch,
  type Source,
  type TableSchema,
  type TableWriter,
  type TransformStep,
  toHakiriError,
} from '@hakiri/core';
import { Intake } from '../scan/intake.ts';
import { createSpool, type Spool } from '../spool/spool.ts';
import { compileTransforms } from '../transforms/compile-transforms.ts';
import type { ResolvedTable } from './resolve-tables.ts';
import type { RunEvent, TableRef, TableReport } from './run-events.ts';

/** A spool is handed on at this size even before `commit_every`: it bounds the disk a run needs beside its parts. */
const SPOOL_MAX_BYTES = 128 * 1024 * 1024;

export interface TableRun {
  readonly job: JobId;
  readonly pipeline: Pipeline;
  readonly table: ResolvedTable;
  readonly source: Source;
  readonly destination: Destination;
  readonly steps: readonly TransformStep[];
  readonly lineage: Lineage;
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
  const way = new WayIn(run, ref, started);
  let error: HakiriError | undefined;
  try {
    await way.open();
    for await (const batch of source.pull({ table: table.info.name, cursor: way.cursor, signal: run.kill })) {
      await way.take(batch);
      if (run.stop.aborted) break;
    }
    await way.finish(run.stop.aborted);
  } catch (caught) {
    error = run.kill.aborted
      ? new HakiriError('interrupted', 'Stopped', { cause: caught })
      : toHakiriError(caught);
    await way.salvage(error).catch(() => {});
  }
  const state = reportState(error, run.stop.aborted, way.commits.length);
  const report: TableReport = {
    ref,
    state,
    rows: way.commits.reduce((sum, commit) => sum + commit.rows, 0),
    setAside: way.commits.reduce((sum, commit) => sum + commit.setAside, 0),
    commits: way.commits,
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

/**
 * The way of one table's records: checked, spooled, converted, committed. While the engine converts one spool the
 * next one fills; there are never more than two.
 */
class WayIn {
  readonly commits: Commit[] = [];
  readonly #run: TableRun;
  readonly #ref: TableRef;
  readonly #started: number;
  #writer: TableWriter | undefined;
  #intake: Intake | undefined;
  #spool: Spool | undefined;
  #spools = 0;
  #converting: Promise<void> | undefined;
  /** The last cursor given: every record before it has been taken. */
  #reached: string | undefined;
  /** Whether records have been taken since. */
  #pastReached = false;
  #rows = 0;
  #bytes = 0;
  #rowsSinceCommit = 0;

  constructor(run: TableRun, ref: TableRef, started: number) {
    this.#run = run;
    this.#ref = ref;
    this.#started = started;
  }

  get cursor(): string | undefined {
    return this.#open().cursor;
  }

  async open(): Promise<void> {
    const { table, destination, pipeline, job, steps, lineage } = this.#run;
    const transform =
      steps.length > 0 ? compileTransforms(steps, { keyed: table.mode === 'merge' }) : undefined;
    this.#writer = await destination.openTable({
      job,
      pipeline: pipeline.id,
      sourceTable: table.info.name,
      table: table.name,
      mode: table.mode,
      primaryKey: table.primaryKey,
      incremental: table.incremental,
      onConflict: table.onConflict,
      declared: table.declared,
      transform,
      lineage,
    });
    this.#intake = new Intake({
      known: this.#writer.inputSchema,
      declared: table.declared,
      // A transform may make the key; then the engine checks it where it comes out.
      primaryKey: transform === undefined ? table.primaryKey : [],
      onConflict: table.onConflict,
      unknownColumns: table.unknownColumns,
    });
    this.#emit({ kind: 'table-started', table: this.#ref, firstRun: this.#writer.cursor === undefined });
  }

  async take(batch: Batch): Promise<void> {
    for (const { code, message } of batch.warnings ?? [])
      this.#emit({ kind: 'warning', table: this.#ref, code, message });
    if (batch.kind === 'records') await this.#takeRecords(batch);
    else {
      await this.#seal();
      await this.#converting;
      const { rows } = await this.#open().writePart({ kind: 'file', path: batch.path, format: batch.format });
      this.#count(rows, batch.sizeBytes);
    }
    if (batch.cursor !== undefined) {
      this.#reached = batch.cursor;
      this.#pastReached = false;
    }
    this.#emit({
      kind: 'progress',
      table: this.#ref,
      rows: this.#rows,
      bytes: this.#bytes,
      elapsedMs: this.#run.clock.monotonicMs() - this.#started,
      pull: batch.progress,
    });
    if (
      this.#rowsSinceCommit >= this.#run.table.commitEveryRows ||
      (this.#spool?.bytes ?? 0) >= SPOOL_MAX_BYTES
    ) {
      await this.#seal();
      await this.#commitWhenSafe();
    }
  }

  /** The pull has ended by itself, or by a soft stop: then rows without a key may have to wait for the next run. */
  async finish(stopped: boolean): Promise<void> {
    if (stopped && !this.#mayCommit()) return this.#abandon();
    await this.#seal();
    await this.#converting;
    await this.#commit(this.#reached);
  }

  /** The pull has failed: what came before is good, unless the store itself is what failed. */
  async salvage(error: HakiriError): Promise<void> {
    try {
      const storeFailed = !error.code.startsWith('source.') && !error.code.startsWith('secret.');
      if (storeFailed || !this.#mayCommit()) return;
      await this.#seal();
      await this.#converting;
      await this.#commit(this.#reached);
    } finally {
      await this.#abandon();
    }
  }

  /** Leaves nothing of what was not committed. */
  async #abandon(): Promise<void> {
    await this.#converting?.catch(() => {});
    await this.#spool?.remove();
    await this.#writer?.discard();
  }

  async #takeRecords({ records, setAside = [] }: RecordBatch): Promise<void> {
    const writer = this.#open();
    writer.setAside(setAside);
    const checked = this.#intakeOfTable().check(records);
    writer.setAside(checked.setAside);
    if (checked.rows === 0) return;
    this.#spool ??= await this.#newSpool();
    await this.#spool.append(checked.accepted, checked.rows, checked.largestRecordBytes);
    this.#count(checked.rows, records.length);
  }

  #intakeOfTable(): Intake {
    if (!this.#intake) throw new HakiriError('internal', 'A table was used before it was opened');
    return this.#intake;
  }

  #count(rows: number, bytes: number): void {
    this.#pastReached = true;
    this.#rows += rows;
    this.#bytes += bytes;
    this.#rowsSinceCommit += rows;
  }

  async #newSpool(): Promise<Spool> {
    const { files, spoolFolder, job } = this.#run;
    await files.makeFolder(spoolFolder);
    return createSpool(
      files,
      `${spoolFolder}/${job}-${this.#ref.pipeline}-${this.#ref.table}-${this.#spools++ % 2}.ndjson`,
    );
  }

  /** Hands the spool to the engine, after the one before it. */
  async #seal(): Promise<void> {
    const spool = this.#spool;
    if (!spool) return;
    this.#spool = undefined;
    await this.#converting;
    await spool.close();
    const intake = this.#intakeOfTable();
    intake.freeze();
    this.#converting = this.#convert(spool, intake.schema);
    // Awaited at the next seal or commit; until then a failure must not count as unhandled.
    this.#converting.catch(() => {});
  }

  async #convert(spool: Spool, schema: TableSchema): Promise<void> {
    const { path, rows, largestRecordBytes } = spool;
    try {
      await this.#open().writePart({ kind: 'records', path, rows, largestRecordBytes, schema });
    } finally {
      await spool.remove();
    }
  }

  async #commitWhenSafe(): Promise<void> {
    if (!this.#mayCommit()) return;
    await this.#converting;
    await this.#commit(this.#reached);
  }

  /**
   * Rows without a key would be there twice if a later run pulled them again: those are committed only when the
   * cursor is past them all.
   */
  #mayCommit(): boolean {
    return this.#run.table.mode === 'merge' || (this.#reached !== undefined && !this.#pastReached);
  }

  async #commit(cursor: string | undefined): Promise<void> {
    const commit = await this.#open().commit(cursor);
    this.#rowsSinceCommit = 0;
    if (!commit) return;
    this.commits.push(commit);
    if (cursor !== undefined) await this.#run.source.commitCursor(this.#run.table.info.name, cursor);
    this.#emit({ kind: 'committed', table: this.#ref, commit });
  }

  #open(): TableWriter {
    if (!this.#writer) throw new HakiriError('internal', 'A table was used before it was opened');
    return this.#writer;
  }

  #emit(event: RunEvent): void {
    this.#run.onEvent(event);
  }
}
