import {
  type Catalog,
  type CatalogTable,
  type Destination,
  type ErrorCode,
  type HakiriError,
  isHakiriError,
  type TableName,
  type TableTarget,
} from '@hakiri/core';
import { requireSameTable } from './commit/same-table.ts';
import { openTableWriter } from './commit/table-writer.ts';
import { deltasDue, foldDelta } from './delta/fold-delta.ts';
import { foldOwn } from './delta/fold-own.ts';
import { greatestOrder } from './delta/greatest-order.ts';
import { openSmallWrites, type SmallTarget, type SmallWriter } from './delta/small-writer.ts';
import { type Layout, layout } from './disk/layout.ts';
import { readStoreFormat, writeStoreFormat } from './disk/store-format.ts';
import { acquireCompactLock, acquireWriterLock, type WriterLock } from './disk/writer-lock.ts';
import { finishErasures, isErasureUnfinished } from './erase/finish.ts';
import { hasErasures } from './erase/records.ts';
import { openScreen } from './erase/screen.ts';
import {
  type LockOptions,
  openCatalog,
  type StoreOptions,
  storeContext,
  storePaths,
} from './open-context.ts';
import { type Adoption, adopt, sweepRuns, sweepSnapshots } from './recovery/adopt.ts';
import { openRowSidecars, type RowSidecars } from './rows/index.ts';
import type { StoreContext } from './store-context.ts';
import { upgradeHeldStore } from './upgrade/upgrade-store.ts';
import { staleViews } from './view/write-views.ts';

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
  /** Makes runs of this node's small writes that are large or old and that no writer has open. */
  foldSmallWrites(): Promise<void>;
  /** What opening it had to mend. */
  readonly recovery: Recovery;
}

export interface Recovery extends Pick<Adoption, 'adopted' | 'damaged'> {
  /** Why something that is to be forgotten is still there: a file that nobody can look into. Missing otherwise. */
  readonly erasure?: HakiriError;
  readonly swept: readonly string[];
  readonly abandonedJobs: number;
}

/**
 * Opens a store for reading. Manifests that the catalog does not know yet are taken in where the disk allows.
 * A store of an older format is upgraded first.
 * @throws HakiriError store.not_found, store.catalog_lost, store.newer_format
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const paths = await storePaths(options);
  const catalog = await openCatalog(options.files, paths, 'read');
  // What was forgotten may come back with a file from elsewhere: only a writer can look into it.
  if (!(await hasErasures({ files: options.files, paths }))) await adopt(options.files, paths, catalog);
  return readable(paths, catalog, openRowSidecars({ paths, engine: options.engine, catalog }));
}

/**
 * Opens a store for writing, makes it where there is none, and mends what a crash left: unknown manifests are
 * adopted, leftovers swept, stale views written again. One of an older format is upgraded first.
 * @throws HakiriError store.locked, store.catalog_lost, store.newer_format, store.read_only
 */
export async function openWritableStore(
  options: StoreOptions,
  lockOptions: LockOptions,
): Promise<WritableStore> {
  const { files } = options;
  const paths = layout(options.root, options.project);
  // One that is not known is refused before anything of it is touched.
  await readStoreFormat(files, paths);
  const lock = await acquireWriterLock({ ...options, ...lockOptions, paths });
  let catalog: Catalog | undefined;
  let rows: RowSidecars | undefined;
  try {
    if (!(await upgradeHeldStore({ ...options, paths }))) await writeStoreFormat(files, paths);
    catalog = await openCatalog(files, paths, 'write');
    rows = openRowSidecars({ paths, engine: options.engine, catalog });
    const context = storeContext(options, paths, catalog, rows);
    const recovery = await recover(context, lockOptions);
    const store = readable(paths, catalog, rows, lock);
    const smallWriters = new Map<SmallWriter, TableName>();
    return {
      ...store,
      recovery,
      async openTable(target) {
        for (const [writer, table] of smallWriters) if (table === target.table) await writer.fold();
        return openTable(context, target);
      },
      openSmallWrites(target) {
        const writer = openSmallWrites(context, target);
        smallWriters.set(writer, target.table);
        return writer;
      },
      async foldSmallWrites() {
        for (const table of await store.tables()) {
          for (const delta of await deltasDue(context, table, options.clock.nowMs())) {
            await foldDelta(context, table, delta);
          }
        }
      },
      async close() {
        await Promise.all([...smallWriters.keys()].map((writer) => writer.close()));
        await store.close();
      },
    };
  } catch (error) {
    await rows?.close();
    await catalog?.close();
    lock.release();
    throw error;
  }
}

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

async function openTable(context: StoreContext, target: TableTarget) {
  const before = await context.catalog.table(target.table);
  if (before) await foldOwn(context, before);
  const known = await context.catalog.table(target.table);
  // A run goes on from the greatest order there is, that of small writes which another machine is to fold included.
  const table = known && { ...known, greatestOrder: await greatestOrder(context, known) };
  if (table) requireSameTable(table, target);
  if (target.transform !== undefined) await context.engine.checkTransform(target.transform);
  const cursor = await context.catalog.cursor(target.pipeline, target.sourceTable);
  return openTableWriter(context, target, { table, cursor });
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
