import {
  type Catalog,
  type CatalogTable,
  type Clock,
  type Destination,
  type ErrorCode,
  type Files,
  HakiriError,
  isHakiriError,
  type NodeId,
  type RunId,
  TABLE_DEFAULTS,
  type TableName,
  type TableTarget,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { openSqliteCatalog } from './catalog/sqlite-catalog.ts';
import { runIdFactory } from './commit/run-ids.ts';
import { requireSameTable } from './commit/same-table.ts';
import { openTableWriter } from './commit/table-writer.ts';
import { foldDelta, isOpen, ownDeltas } from './delta/fold-delta.ts';
import { openSmallWrites, type SmallTarget, type SmallWriter } from './delta/small-writer.ts';
import { type Layout, layout } from './disk/layout.ts';
import { readStoreFormat, writeStoreFormat } from './disk/store-format.ts';
import { acquireWriterLock, type LockHolder, type WriterLock } from './disk/writer-lock.ts';
import { finishErasures, isErasureUnfinished } from './erase/finish.ts';
import { hasErasures } from './erase/records.ts';
import { openScreen } from './erase/screen.ts';
import { type Adoption, adopt, sweepRuns, sweepSnapshots } from './recovery/adopt.ts';
import { findRuns } from './recovery/find-runs.ts';
import { openRowSidecars, type RowSidecars } from './rows/index.ts';
import type { StoreContext, TableSettings } from './store-context.ts';
import { staleViews, writeView } from './view/write-views.ts';

export interface StoreOptions {
  /** The `.hakiri` folder. */
  readonly root: string;
  readonly project: string;
  readonly node: NodeId;
  readonly files: Files;
  readonly clock: Clock;
  readonly engine: Engine;
  /** Run ids, for tests that need the same ones twice. */
  readonly newRunId?: (after: RunId | undefined) => RunId;
  /** What the manifest says of a table's keeping; defaults for tables it does not name. */
  readonly settings?: (table: TableName) => TableSettings | undefined;
}

export interface Store {
  readonly paths: Layout;
  readonly catalog: Catalog;
  tables(): Promise<readonly CatalogTable[]>;
  /** Rows by their keys; see `RowSidecars.get`. */
  readonly rows: RowSidecars['get'];
  close(): Promise<void>;
}

export interface WritableStore extends Store, Destination {
  /** Single rows, each on the disk for good when its write resolves. */
  openSmallWrites(target: SmallTarget): SmallWriter;
  /** What opening it had to mend. */
  readonly recovery: Recovery;
}

export interface Recovery extends Pick<Adoption, 'adopted' | 'damaged'> {
  /** Why something that is to be forgotten is still there: a file that nobody can look into. Missing otherwise. */
  readonly erasure?: HakiriError;
  readonly swept: readonly string[];
  readonly abandonedJobs: number;
}

export interface LockOptions {
  readonly command: string;
  readonly waitMs: number;
  readonly signal?: AbortSignal;
  readonly onWait?: (holder: LockHolder | undefined) => void;
}

/**
 * Opens a store for reading. Manifests that the catalog does not know yet are taken in where the disk allows.
 * @throws HakiriError store.not_found, store.catalog_lost, store.newer_format
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const paths = layout(options.root, options.project);
  if ((await readStoreFormat(options.files, paths)) === undefined) {
    throw new HakiriError('store.not_found', `There is no store in ${options.root}`);
  }
  const catalog = await openCatalog(options.files, paths, 'read');
  // What was forgotten may come back with a file from elsewhere: only a writer can look into it.
  if (!(await hasErasures({ files: options.files, paths }))) await adopt(options.files, paths, catalog);
  return readable(paths, catalog, openRowSidecars({ paths, engine: options.engine, catalog }));
}

/**
 * Opens a store for writing, makes it where there is none, and mends what a crash left: unknown manifests are
 * adopted, leftovers swept, stale views written again.
 * @throws HakiriError store.locked, store.catalog_lost, store.newer_format, store.read_only
 */
export async function openWritableStore(
  options: StoreOptions,
  lockOptions: LockOptions,
): Promise<WritableStore> {
  const { files } = options;
  const paths = layout(options.root, options.project);
  const lock = await acquireWriterLock({ ...options, ...lockOptions, paths });
  let catalog: Catalog | undefined;
  try {
    if ((await readStoreFormat(files, paths)) === undefined) await writeStoreFormat(files, paths);
    catalog = await openCatalog(files, paths, 'write');
    const rows = openRowSidecars({ paths, engine: options.engine, catalog });
    const context = storeContext(options, paths, catalog, rows);
    const recovery = await recover(context, lockOptions);
    const store = readable(paths, catalog, rows, lock);
    const smallWriters = new Set<SmallWriter>();
    const foldWritten = async (): Promise<void> => {
      for (const writer of smallWriters) await writer.fold();
    };
    return {
      ...store,
      recovery,
      async openTable(target) {
        await foldWritten();
        return openTable(context, target);
      },
      openSmallWrites(target) {
        const writer = openSmallWrites(context, target);
        smallWriters.add(writer);
        return writer;
      },
      async close() {
        await Promise.all([...smallWriters].map((writer) => writer.close()));
        await store.close();
      },
    };
  } catch (error) {
    await catalog?.close();
    lock.release();
    throw error;
  }
}

/** What the parts of a store share, over an open catalog. */
export function storeContext(
  options: StoreOptions,
  paths: Layout,
  catalog: Catalog,
  rows?: RowSidecars,
): StoreContext {
  const { files, clock, engine, node } = options;
  return {
    files,
    clock,
    engine,
    catalog,
    node,
    paths,
    newRunId: options.newRunId ?? runIdFactory(clock),
    async published({ name }) {
      const table = await writeView({ files, clock, paths, catalog }, name);
      if (table) void rows?.afterCommit(table);
    },
    afterSmallWrite: (table) => rows?.afterSmallWrite(table),
    settings: (table) => options.settings?.(table) ?? DEFAULT_SETTINGS,
  };
}

const DEFAULT_SETTINGS: TableSettings = {
  partitioning: undefined,
  retentionMs: TABLE_DEFAULTS.retentionMs,
  tombstoneRetentionMs: TABLE_DEFAULTS.tombstoneRetentionMs,
};

async function recover(context: StoreContext, lockOptions: LockOptions): Promise<Recovery> {
  const { files, paths, catalog, clock } = context;
  const adoption = await adopt(files, paths, catalog, await openScreen(context));
  const erasure = await finishErasure(context, lockOptions);
  const swept = [
    ...(await sweepRuns(files, paths, catalog, adoption)),
    ...(await sweepAbandoned(context, adoption)),
  ];
  const abandonedJobs = await catalog.closeAbandonedJobs(new Date(clock.nowMs()).toISOString());
  for (const table of await staleViews(files, paths, catalog)) await context.published(table);
  const { adopted, damaged } = adoption;
  return { adopted, damaged, swept, abandonedJobs, ...(erasure ? { erasure } : {}) };
}

/** Snapshots that nobody is making any more; while somebody makes one, they wait for the next time. */
async function sweepAbandoned(context: StoreContext, { unpublished }: Adoption): Promise<readonly string[]> {
  if (unpublished.length === 0) return [];
  const { files, paths, catalog } = context;
  const lock = await acquireCompactLock(context, { command: 'sweep', waitMs: 0 }).catch(() => undefined);
  if (!lock) return [];
  try {
    return await sweepSnapshots(files, paths, catalog, unpublished);
  } finally {
    lock.release();
  }
}

/**
 * Works on a store under the compaction lock, without keeping its writer out: folds the small writes where nobody
 * is writing, mends what an earlier maintenance left, and hands over.
 * @throws HakiriError store.not_found, store.compacting, store.catalog_lost, store.newer_format
 */
export async function openMaintenance<T>(
  options: StoreOptions,
  lockOptions: LockOptions,
  work: (context: StoreContext) => Promise<T>,
): Promise<T> {
  const { files } = options;
  const paths = layout(options.root, options.project);
  if ((await readStoreFormat(files, paths)) === undefined) {
    throw new HakiriError('store.not_found', `There is no store in ${options.root}`);
  }
  const lock = await acquireCompactLock({ ...options, paths }, lockOptions);
  let catalog: Catalog | undefined;
  let rows: RowSidecars | undefined;
  try {
    catalog = await openCatalog(files, paths, 'write');
    rows = openRowSidecars({ paths, engine: options.engine, catalog });
    const context = storeContext(options, paths, catalog, rows);
    const { unpublished } = await adopt(files, paths, catalog, await openScreen(context));
    await finishIfUnfinished(context, lockOptions.command);
    await sweepSnapshots(files, paths, catalog, unpublished);
    await foldIfUnused(context, lockOptions.command);
    return await work(context);
  } finally {
    await rows?.close();
    await catalog?.close();
    lock.release();
  }
}

/** A damaged file stops nobody from writing: what was forgotten stays out all the same. */
async function finishErasure(
  context: StoreContext,
  lockOptions: LockOptions,
): Promise<HakiriError | undefined> {
  if (!(await isErasureUnfinished(context))) return undefined;
  const lock = await acquireCompactLock(context, lockOptions);
  try {
    await finishErasures(context);
    return undefined;
  } catch (error) {
    if (!isHakiriError(error) || !UNREADABLE.includes(error.code)) throw error;
    return error;
  } finally {
    lock.release();
  }
}

const UNREADABLE: readonly ErrorCode[] = ['store.damaged', 'store.erasure_incomplete'];

/** Nothing is merged that is about to be erased. A writer that holds the store finishes it itself. */
async function finishIfUnfinished(context: StoreContext, command: string): Promise<void> {
  if (!(await isErasureUnfinished(context))) return;
  const { files, clock, paths } = context;
  const writer = await acquireWriterLock({ files, clock, paths, command, waitMs: 0 });
  await finishErasures(context).finally(() => writer.release());
}

/**
 * Opens a store to erase from it: nobody writes and nobody compacts meanwhile, what earlier processes left is mended
 * and finished, and every small write of this node is in a run.
 * @throws HakiriError store.not_found, store.locked, store.compacting, store.catalog_lost, store.newer_format
 */
export async function openErasure<T>(
  options: StoreOptions,
  lockOptions: LockOptions,
  work: (context: StoreContext) => Promise<T>,
): Promise<T> {
  const { files } = options;
  const paths = layout(options.root, options.project);
  if ((await readStoreFormat(files, paths)) === undefined) {
    throw new HakiriError('store.not_found', `There is no store in ${options.root}`);
  }
  // Everywhere in this order.
  const writer = await acquireWriterLock({ ...options, ...lockOptions, paths });
  let compact: WriterLock | undefined;
  let catalog: Catalog | undefined;
  try {
    compact = await acquireCompactLock({ ...options, paths }, lockOptions);
    catalog = await openCatalog(files, paths, 'write');
    const context = storeContext(options, paths, catalog);
    const adoption = await adopt(files, paths, catalog, await openScreen(context));
    if (await isErasureUnfinished(context)) await finishErasures(context);
    await sweepRuns(files, paths, catalog, adoption);
    await sweepSnapshots(files, paths, catalog, adoption.unpublished);
    for (const table of await catalog.tables()) await foldOwn(context, table);
    return await work(context);
  } finally {
    await catalog?.close();
    compact?.release();
    writer.release();
  }
}

/** Small writes become Parquet where no writer holds the store; otherwise they wait. */
async function foldIfUnused(context: StoreContext, command: string): Promise<void> {
  const { files, clock, node, paths, catalog } = context;
  // Without any, nobody who is about to write is kept out even for a moment.
  if (!(await catalog.tables()).some((table) => ownDeltas(table, node).length > 0)) return;
  const request = { files, clock, paths, command, waitMs: 0 };
  const writer = await acquireWriterLock(request).catch(() => undefined);
  if (!writer) return;
  try {
    for (const table of await catalog.tables()) await foldOwn(context, table);
  } finally {
    writer.release();
  }
}

async function foldOwn(context: StoreContext, table: CatalogTable): Promise<void> {
  for (const delta of ownDeltas(table, context.node)) {
    // One that somebody in this process still writes to is folded by that writer.
    if (!isOpen(context.paths.absolute(delta.path))) await foldDelta(context, table, delta);
  }
}

async function openTable(context: StoreContext, target: TableTarget) {
  const before = await context.catalog.table(target.table);
  // A run goes on from the greatest order there is: what the small writes hold of it is in their part.
  if (before) await foldOwn(context, before);
  const table = await context.catalog.table(target.table);
  if (table) requireSameTable(table, target);
  if (target.transform !== undefined) await context.engine.checkTransform(target.transform);
  const cursor = await context.catalog.cursor(target.pipeline, target.sourceTable);
  return openTableWriter(context, target, { table, cursor });
}

/** One process at a time makes, collects or rewrites snapshots. */
export function acquireCompactLock(
  { files, clock, paths }: Pick<StoreContext, 'files' | 'clock' | 'paths'>,
  options: LockOptions,
): Promise<WriterLock> {
  return acquireWriterLock({
    ...options,
    files,
    clock,
    paths: { lock: paths.compactLock, lockHolder: paths.compactLockHolder },
    code: 'store.compacting',
  });
}

/** A missing catalog beside committed runs is a loss to be told, not a new store. */
async function openCatalog(files: Files, paths: Layout, access: 'write' | 'read'): Promise<Catalog> {
  if (!(await files.stat(paths.catalog))) {
    const committed = (await findRuns(files, paths)).find(({ manifest }) => manifest !== undefined);
    if (committed) throw new HakiriError('store.catalog_lost', `The catalog ${paths.catalog} is missing`);
  }
  return openSqliteCatalog(paths.catalog, access);
}

function readable(paths: Layout, catalog: Catalog, rows: RowSidecars, lock?: WriterLock): Store {
  return {
    paths,
    catalog,
    tables: () => catalog.tables(),
    rows: rows.get,
    async close() {
      await rows.close();
      await catalog.close();
      lock?.release();
    },
  };
}
