import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type AppendFile,
  type CatalogDelta,
  type CatalogTable,
  type DeltaHead,
  EMPTY_SCHEMA,
  greaterOrder,
  HakiriError,
  type JobId,
  type Lineage,
  NO_VALUE,
  orderKey,
  orderValueOf,
  type PipelineId,
  type RunId,
  runTimeValue,
  type TableMode,
  type TableName,
  type TableSchema,
  type TableTarget,
} from '@hakiri/core';
import { fingerprint } from '../commit/fingerprint.ts';
import { requireSameTable } from '../commit/same-table.ts';
import { type NextSchema, nextSchema } from '../commit/table-schema-rules.ts';
import { writeSchemas } from '../commit/write-schemas.ts';
import { syncUpTo, writeDurably } from '../disk/durable.ts';
import { deltaFile, deltaFolder, MANIFEST_NAME, runFolder } from '../disk/layout.ts';
import { forgottenOnce } from '../erase/forgotten-once.ts';
import { requireNotForgotten } from '../erase/refuse-row.ts';
import type { StoreContext } from '../store-context.ts';
import { claim, release } from './claims.ts';
import { MAX_LINE_BYTES, readDelta } from './delta-file.ts';
import { FOLD_AT, type FoldLimits, foldDelta, isOpen, ownDeltas } from './fold-delta.ts';
import { greatestOrder } from './greatest-order.ts';
import { type CheckedRow, rowChecker, type SmallRow } from './small-row.ts';

export interface SmallTarget {
  readonly table: TableName;
  readonly mode: TableMode;
  readonly primaryKey: readonly string[];
  readonly incremental?: string;
  readonly subjectColumns: readonly string[];
  readonly pipeline: PipelineId;
  /** The columns that a row may have, each with its type. */
  readonly declared: TableSchema;
  readonly lineage: Lineage;
}

export interface SmallWriter {
  /**
   * Resolves once the rows are on the disk for good: all of them or none.
   * @throws HakiriError record.unknown_column, record.type_conflict, record.null_key, record.delete_without_key,
   * record.too_large; schema.conflict; store.disk_full, store.io: nothing of that write is there
   */
  write(rows: readonly SmallRow[]): Promise<{ readonly run: RunId; readonly firstSeq: number }>;
  /** Folds what is written so far, however little, and waits for it. Later writes begin another file. */
  fold(): Promise<void>;
  /** Waits for what is written and folded now. What is not folded yet stays in its file. */
  close(): Promise<void>;
}

export interface SmallWriteOptions {
  readonly foldAt?: FoldLimits;
  /** A fold in the background failed: the file stays as it is, and is folded another time. */
  readonly onFoldError?: (error: unknown) => void;
}

interface Pending {
  readonly rows: readonly CheckedRow[];
  resolve(done: { readonly run: RunId; readonly firstSeq: number }): void;
  reject(error: unknown): void;
}

/** The file that is written to. */
interface OpenDelta {
  readonly run: RunId;
  readonly path: string;
  readonly file: AppendFile;
  readonly startedMs: number;
  /** What is flushed, and so acknowledged. */
  durable: Extent;
}

interface Extent {
  readonly sizeBytes: number;
  readonly rows: number;
  readonly nextSeq: number;
  readonly lastAt: string;
  /** Of the table, this file included. */
  readonly greatestOrder: string | null;
}

/**
 * Writes of a few rows, each durable by itself. Writes at the same time share one flush; they are acknowledged in
 * the order of their lines. Only for the holder of the writer lock.
 * @throws HakiriError manifest.wrong_type when the incremental column has no order
 */
export function openSmallWrites(
  context: StoreContext,
  target: SmallTarget,
  { foldAt = FOLD_AT, onFoldError = () => {} }: SmallWriteOptions = {},
): SmallWriter {
  const { files, clock, catalog, node, paths } = context;
  const incremental = target.mode === 'replace' ? undefined : target.incremental;
  const check = rowChecker({ ...target, incremental });
  const asTarget: TableTarget = {
    ...target,
    incremental,
    job: '' as JobId,
    sourceTable: target.table,
    onConflict: 'quarantine',
    transform: undefined,
  };
  let delta: OpenDelta | undefined;
  /** What this writer wrote last; undefined before it first opened a file. */
  let written: { readonly run: RunId; readonly greatestOrder: string | null } | undefined;
  /** The table with the file that is written to. */
  let known: CatalogTable | undefined;
  let queue: Pending[] = [];
  let pumping: Promise<void> | undefined;
  let folding: Promise<void> = Promise.resolve();
  let isClosed = false;
  const readForgotten = forgottenOnce(context);
  /** The last write on its way to the queue. */
  let entering: Promise<void> = Promise.resolve();

  const now = (): string => new Date(clock.nowMs()).toISOString();

  /** The file is not written to any more by this writer. */
  const retire = async (): Promise<void> => {
    const retired = delta;
    delta = undefined;
    if (retired === undefined) return;
    try {
      await retired.file.close();
    } finally {
      release(paths.absolute(retired.path));
    }
  };

  const foldOwn = async (): Promise<void> => {
    const table = await catalog.table(target.table);
    for (const closed of table ? ownDeltas(table, node) : []) {
      if (!isOpen(paths.absolute(closed.path))) await foldDelta(context, { name: target.table }, closed);
    }
  };

  const foldInBackground = (): void => {
    folding = folding.then(foldOwn).catch(onFoldError);
  };

  /** Goes on with the newest file of an earlier writer, if nothing came after it. */
  const continued = async (table: CatalogTable, schema: TableSchema): Promise<OpenDelta | undefined> => {
    const newest = ownDeltas(table, node).at(-1);
    if (newest === undefined || newest.run < newestRun(table)) return undefined;
    if (fingerprint(newest.columns) !== fingerprint(schema)) return undefined;
    const absolute = paths.absolute(newest.path);
    const folded = paths.absolute(`${runFolder(target.table, newest.run, node)}/${MANIFEST_NAME}`);
    if (!claim(absolute)) return undefined;
    try {
      const found = (await files.stat(folded)) ? undefined : await goOn(newest, table);
      if (found === undefined) release(absolute);
      return found;
    } catch (error) {
      release(absolute);
      throw error;
    }
  };

  const goOn = async (newest: CatalogDelta, table: CatalogTable): Promise<OpenDelta | undefined> => {
    const absolute = paths.absolute(newest.path);
    if (!(await files.stat(absolute))) return undefined;
    const { head, commits, wholeBytes, lacksNewline } = await readDelta(files, absolute);
    if (head?.run !== newest.run || head.table !== target.table || head.node !== node) return undefined;
    const rows = commits.flatMap((commit) => commit.rows);
    const orders = rows.map((row) => row._hakiri_order);
    const file = await files.append(absolute);
    try {
      if (file.sizeBytes > wholeBytes) await file.truncate(wholeBytes);
      if (lacksNewline) await file.write(Buffer.from('\n'));
      await file.sync();
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    return {
      run: newest.run,
      path: newest.path,
      file,
      startedMs: Date.parse(head.started_at),
      durable: {
        sizeBytes: file.sizeBytes,
        rows: rows.length,
        nextSeq: rows.reduce((next, row) => Math.max(next, row._hakiri_seq + 1), 0),
        lastAt: commits.at(-1)?.at ?? head.started_at,
        greatestOrder: orders.reduce<string | null>(greaterOrder, table.greatestOrder),
      },
    };
  };

  const begun = async (
    table: CatalogTable | undefined,
    next: NextSchema,
    greatestOrder: string | null,
  ): Promise<OpenDelta> => {
    const head: DeltaHead = {
      format: 1,
      run: context.newRunId(table && newestRun(table)),
      node,
      table: target.table,
      mode: target.mode,
      primary_key: target.primaryKey,
      incremental: target.incremental ?? null,
      subject_columns: target.subjectColumns,
      pipeline: target.pipeline,
      schema: fingerprint(next.schema),
      schema_changes: next.changes,
      greatest_order: greatestOrder,
      lineage: target.lineage,
      started_at: now(),
    };
    const schemas = new Map([[head.schema, next.schema]]);
    await writeSchemas(context, target.table, schemas);
    const path = deltaFile(target.table, node, head.run);
    const folder = paths.absolute(deltaFolder(target.table, node));
    const absolute = paths.absolute(path);
    await files.makeFolder(folder);
    for (const { name } of await files.list(folder)) {
      if (name.endsWith('.tmp')) await files.remove(`${folder}/${name}`);
    }
    claim(absolute);
    try {
      await writeDurably(files, absolute, `${JSON.stringify(head)}\n`);
      await syncUpTo(files, folder, paths.context);
      await catalog.commitDelta(head, schemas);
      const file = await files.append(absolute);
      const durable = {
        sizeBytes: file.sizeBytes,
        rows: 0,
        nextSeq: 0,
        lastAt: head.started_at,
        greatestOrder,
      };
      return { run: head.run, path, file, startedMs: clock.nowMs(), durable };
    } catch (error) {
      release(absolute);
      throw error;
    }
  };

  /** The greatest order of the table, rows that are in no run yet included. */
  const greatestOf = async (table: CatalogTable | undefined): Promise<string | null> => {
    if (table === undefined || incremental === undefined) return table?.greatestOrder ?? null;
    if (written && newestRun(table) === written.run)
      return greaterOrder(table.greatestOrder, written.greatestOrder);
    return greatestOrder(context, table);
  };

  /** The file to write to now: a run that came in between, or a column that is new, asks for another. */
  const current = async (): Promise<OpenDelta> => {
    const table = await catalog.table(target.table);
    if (table) requireSameTable(table, asTarget);
    const next = nextSchema(table?.schema ?? EMPTY_SCHEMA, target.declared, asTarget);
    if (delta && (table === undefined || isOver(delta, table, next.changes))) {
      await retire();
      foldInBackground();
    }
    known = table;
    if (delta) return delta;
    const earlier =
      table && next.changes.length === 0 && written === undefined
        ? await continued(table, next.schema)
        : undefined;
    delta = earlier ?? (await begun(table, next, await greatestOf(table)));
    try {
      known = await catalog.table(target.table);
      if (known) await context.published(known);
    } catch (error) {
      await retire().catch(() => {});
      throw error;
    }
    written = { run: delta.run, greatestOrder: delta.durable.greatestOrder };
    return delta;
  };

  /** The lines of a group, and where they leave the file. */
  const linesOf = (group: readonly Pending[], { run, durable }: OpenDelta) => {
    const at = new Date(Math.max(clock.nowMs(), Date.parse(durable.lastAt))).toISOString();
    const lines: Buffer[] = [];
    const acks: { readonly pending: Pending; readonly firstSeq: number }[] = [];
    let extent: Extent = { ...durable, lastAt: at };
    for (const pending of group) {
      let { nextSeq, greatestOrder } = extent;
      const rows = pending.rows.map(({ members, deleted, orderValue }) => {
        const value = orderValue ?? fallback(run, greatestOrder);
        const order = orderKey(value, { generation: 0, run }, nextSeq);
        greatestOrder = greaterOrder(greatestOrder, order);
        return `{${members}"_hakiri_run":"${run}","_hakiri_seq":${nextSeq++},"_hakiri_deleted":${deleted},"_hakiri_order":${JSON.stringify(order)}}`;
      });
      const line = Buffer.from(`{"at":"${at}","rows":[${rows.join(',')}]}\n`);
      if (line.length > MAX_LINE_BYTES) {
        pending.reject(tooLarge());
        continue;
      }
      acks.push({ pending, firstSeq: extent.nextSeq });
      lines.push(line);
      extent = {
        sizeBytes: extent.sizeBytes + line.length,
        rows: extent.rows + rows.length,
        nextSeq,
        lastAt: at,
        greatestOrder,
      };
    }
    return { bytes: Buffer.concat(lines), acks, extent };
  };

  const fallback = (run: RunId, order: string | null): string => {
    if (incremental === undefined) return runTimeValue(run);
    return order === null ? NO_VALUE : orderValueOf(order);
  };

  /** Nothing that was not acknowledged stays; where that cannot be said, another file is begun. */
  const takeBack = async (open: OpenDelta, failed: 'write' | 'flush'): Promise<void> => {
    try {
      await open.file.truncate(open.durable.sizeBytes);
      // After a flush that failed, memory may hold what the disk does not: the file is not added to again.
      if (failed === 'write') return;
      await open.file.sync();
    } catch {
      // The rows are refused, and may be there all the same: a disk that fails takes nothing back either.
    }
    await retire().catch(() => {});
    foldInBackground();
  };

  const writeGroup = async (group: readonly Pending[]): Promise<void> => {
    const open = await current();
    const { bytes, acks, extent } = linesOf(group, open);
    if (acks.length === 0) return;
    let failing: 'write' | 'flush' = 'write';
    try {
      await open.file.write(bytes);
      failing = 'flush';
      await open.file.sync();
    } catch (error) {
      await takeBack(open, failing);
      throw error;
    }
    open.durable = extent;
    written = { run: open.run, greatestOrder: extent.greatestOrder };
    if (known) context.afterSmallWrite(known);
    for (const { pending, firstSeq } of acks) pending.resolve({ run: open.run, firstSeq });
    if (isDue(open)) {
      await retire().catch(() => {});
      foldInBackground();
    }
  };

  const isDue = ({ durable, startedMs }: OpenDelta): boolean =>
    durable.sizeBytes >= foldAt.bytes ||
    durable.rows >= foldAt.rows ||
    clock.nowMs() - startedMs >= foldAt.ageMs;

  const pump = async (): Promise<void> => {
    while (queue.length > 0) {
      // Whoever was just acknowledged may write again: then that shares the next flush.
      await nextTurn();
      const group = queue;
      queue = [];
      try {
        await writeGroup(group);
      } catch (error) {
        for (const pending of group) pending.reject(error);
      }
    }
    pumping = undefined;
  };

  const settle = async (): Promise<void> => {
    // Whoever waits for them comes before us.
    await entering;
    while (pumping) await pumping;
  };

  return {
    async write(rows) {
      if (isClosed) throw new HakiriError('internal', 'A closed writer was written to');
      if (rows.length === 0) throw new HakiriError('usage.argument', 'There are no rows to write');
      const checked = rows.map(check);
      const reading = readForgotten();
      entering = reading.then(
        () => {},
        () => {},
      );
      const forgotten = await reading;
      if (forgotten) requireNotForgotten(rows, target, forgotten);
      return new Promise((resolve, reject) => {
        queue.push({ rows: checked, resolve, reject });
        pumping ??= pump();
      });
    },
    async fold() {
      await settle();
      await retire();
      await folding;
      await foldOwn();
    },
    async close() {
      isClosed = true;
      await settle();
      await retire();
      await folding;
    },
  };
}

/** Of runs and of files of small writes, whichever node's. */
function newestRun({ lastRun, deltas }: CatalogTable): RunId {
  return [lastRun, ...deltas.map(({ run }) => run)].sort().at(-1) ?? lastRun;
}

/** Something came after the file, the file is not the table's any more, or it cannot hold what is declared. */
function isOver({ run }: OpenDelta, table: CatalogTable, changes: readonly string[]): boolean {
  return changes.length > 0 || newestRun(table) > run || !table.deltas.some((known) => known.run === run);
}

function tooLarge(): HakiriError {
  return new HakiriError(
    'record.too_large',
    `A write of more than ${MAX_LINE_BYTES / 1_000_000} MB: nothing was written`,
    { hint: 'Write fewer rows at once, or smaller values.' },
  );
}
