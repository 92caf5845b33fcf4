import type { Catalog } from '@hakiri/core';
import { ownDeltas } from './delta/fold-delta.ts';
import { foldOwn } from './delta/fold-own.ts';
import { acquireCompactLock, acquireWriterLock, type WriterLock } from './disk/writer-lock.ts';
import { finishErasures, isErasureUnfinished } from './erase/finish.ts';
import { openScreen } from './erase/screen.ts';
import {
  type LockOptions,
  openCatalog,
  type StoreOptions,
  storeContext,
  storePaths,
} from './open-context.ts';
import { adopt, sweepRuns, sweepSnapshots } from './recovery/adopt.ts';
import { openRowSidecars, type RowSidecars } from './rows/index.ts';
import type { StoreContext } from './store-context.ts';

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
  const paths = await storePaths(options);
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
  const paths = await storePaths(options);
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
