import type {
  Batch,
  Commit,
  HakiriError,
  RecordBatch,
  RecordRedactor,
  TableRedactor,
  TableSchema,
  TableWriter,
} from '@hakiri/core';
import { Intake } from '../scan/intake.ts';
import { createSpool, type Spool } from '../spool/spool.ts';
import { compileTransforms } from '../transforms/compile-transforms.ts';
import { unnamedWarning } from './redactor-of.ts';
import { isKeyed } from './resolve-tables.ts';
import type { RunEvent, TableRef } from './run-events.ts';
import type { TableRun } from './run-table.ts';

/** A spool is handed on at this size even before `commit_every`: it bounds the disk a run needs beside its parts. */
const SPOOL_MAX_BYTES = 128 * 1024 * 1024;

interface Redaction {
  readonly table: TableRedactor;
  readonly records: RecordRedactor;
}

/**
 * The way of one table's records: redacted where the manifest says so, checked, spooled, converted, committed. While the engine converts one spool the
 * next one fills; there are never more than two.
 */
export class WayIn {
  readonly commits: Commit[] = [];
  readonly #run: TableRun;
  readonly #ref: TableRef;
  readonly #writer: TableWriter;
  readonly #intake: Intake;
  /** Undefined where nothing of the table is sensitive. */
  readonly #redaction: Redaction | undefined;
  readonly #startedMs: number;
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
  #setAside = 0;
  /** Keys that a warning has named. */
  readonly #told = new Set<string>();
  /** The last batch said that nothing of the table was left out. */
  #complete = false;

  static async open(run: TableRun, ref: TableRef): Promise<WayIn> {
    const { table, destination, pipeline, job, steps, lineage, redactor } = run;
    const declared = redactor === undefined ? table.declared : redactor.declared(table.declared);
    const transform = steps.length > 0 ? compileTransforms(steps, { keyed: isKeyed(table) }) : undefined;
    const writer = await destination.openTable({
      job,
      pipeline: pipeline.id,
      sourceTable: table.info.name,
      table: table.name,
      mode: table.mode,
      primaryKey: table.primaryKey,
      incremental: table.incremental,
      subjectColumns: table.subjectColumns,
      onConflict: table.onConflict,
      declared,
      transform,
      lineage,
      redactor,
    });
    const intake = new Intake({
      known: writer.inputSchema,
      declared,
      // A transform may make the key; then the engine checks it where it comes out.
      primaryKey: transform === undefined ? table.primaryKey : [],
      onConflict: table.onConflict,
      unknownColumns: table.unknownColumns,
      keyed: isKeyed(table),
    });
    const firstRun = writer.cursor === undefined;
    const fromStart = !firstRun && table.mode === 'replace';
    run.onEvent({ kind: 'table-started', table: ref, firstRun, ...(fromStart ? { fromStart } : {}) });
    const redaction =
      redactor === undefined ? undefined : { table: redactor, records: redactor.records(writer.inputSchema) };
    return new WayIn(run, ref, writer, intake, redaction);
  }

  constructor(
    run: TableRun,
    ref: TableRef,
    writer: TableWriter,
    intake: Intake,
    redaction: Redaction | undefined,
  ) {
    this.#redaction = redaction;
    this.#run = run;
    this.#ref = ref;
    this.#writer = writer;
    this.#intake = intake;
    this.#startedMs = run.clock.monotonicMs();
  }

  /** Where the pull starts. Only one from the start can tell what is gone. */
  get cursor(): string | undefined {
    return this.#run.table.mode === 'replace' ? undefined : this.#writer.cursor;
  }

  async take(batch: Batch): Promise<void> {
    for (const { code, message } of batch.warnings ?? [])
      this.#emit({ kind: 'warning', table: this.#ref, code, message });
    if (batch.kind === 'records') await this.#takeRecords(batch);
    else {
      await this.#seal();
      await this.#converting;
      const {
        rows,
        setAside,
        unnamed = [],
      } = await this.#writer.writePart({
        kind: 'file',
        path: batch.path,
        format: batch.format,
      });
      this.#setAside += setAside;
      this.#warnOfUnnamed(unnamed);
      this.#count(rows, batch.sizeBytes);
    }
    this.#complete = batch.complete === true;
    if (batch.cursor !== undefined) {
      this.#reached = batch.cursor;
      this.#pastReached = false;
    }
    this.#emit({
      kind: 'progress',
      table: this.#ref,
      rows: this.#rows,
      bytes: this.#bytes,
      elapsedMs: this.#run.clock.monotonicMs() - this.#startedMs,
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
    await this.#commit(this.#reached, !stopped && this.#isWhole());
  }

  /** Whether a `replace` table may lose what the pull did not hold. A record set aside may be one of its rows. */
  #isWhole(): boolean {
    if (this.#run.table.mode !== 'replace') return false;
    if (this.#complete && this.#setAside === 0) return true;
    const records = this.#setAside === 1 ? '1 record was' : `${this.#setAside} records were`;
    const why = this.#complete ? `${records} set aside` : 'the source left something out';
    const message = `${why}, so no row was deleted for being gone at the source`;
    this.#emit({ kind: 'warning', table: this.#ref, code: 'source.not_whole', message });
    return false;
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

  /** Leaves nothing of what was not committed; what cannot be removed now, the next run sweeps. */
  async #abandon(): Promise<void> {
    await this.#converting?.catch(() => {});
    await Promise.allSettled([this.#spool?.remove(), this.#writer.discard()]);
  }

  async #takeRecords(batch: RecordBatch): Promise<void> {
    const { records, setAside } = this.#redacted(batch);
    await this.#writer.setAside(setAside);
    const checked = this.#intake.check(records);
    await this.#writer.setAside(checked.setAside);
    this.#setAside += setAside.length + checked.setAside.length;
    if (this.#redaction !== undefined) this.#warnOfUnnamed([...this.#redaction.records.unnamed]);
    if (checked.rows === 0) return;
    this.#spool ??= await this.#newSpool();
    await this.#spool.append(checked.accepted, checked.rows, checked.largestRecordBytes);
    this.#count(checked.rows, batch.records.length);
  }

  /** From here on nothing holds a clear value that must not be kept. */
  #redacted({ records, setAside = [] }: RecordBatch): Required<Pick<RecordBatch, 'records' | 'setAside'>> {
    if (this.#redaction === undefined) return { records, setAside };
    const { table, records: redactor } = this.#redaction;
    const redacted = redactor.redact(records);
    const aside = [...setAside.map((each) => table.withoutContent(each)), ...redacted.setAside];
    return { records: redacted.lines, setAside: aside };
  }

  /** Once a run for each. */
  #warnOfUnnamed(keys: readonly string[]): void {
    const fresh = keys.filter((key) => !this.#told.has(key));
    if (fresh.length === 0 || this.#run.table.unknownColumns === 'drop') return;
    for (const key of fresh) this.#told.add(key);
    const message = unnamedWarning(fresh);
    this.#emit({ kind: 'warning', table: this.#ref, code: 'record.unnamed_key', message });
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
    this.#intake.freeze();
    this.#converting = this.#convert(spool, this.#intake.schema, this.#intake.deletes);
    // Awaited at the next seal or commit; until then a failure must not count as unhandled.
    this.#converting.catch(() => {});
  }

  async #convert(spool: Spool, schema: TableSchema, deletes: boolean): Promise<void> {
    const { path, rows, largestRecordBytes } = spool;
    try {
      const input = { kind: 'records', path, rows, largestRecordBytes, schema, deletes } as const;
      const { setAside } = await this.#writer.writePart(input);
      this.#setAside += setAside;
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
    return isKeyed(this.#run.table) || (this.#reached !== undefined && !this.#pastReached);
  }

  async #commit(cursor: string | undefined, whole = false): Promise<void> {
    const commit = await this.#writer.commit(cursor, whole);
    this.#rowsSinceCommit = 0;
    if (!commit) return;
    this.commits.push(commit);
    if (cursor !== undefined) await this.#run.source.commitCursor(this.#run.table.info.name, cursor);
    this.#emit({ kind: 'committed', table: this.#ref, commit });
  }

  #emit(event: RunEvent): void {
    this.#run.onEvent(event);
  }
}
