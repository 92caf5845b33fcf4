import { type Clock, type Files, HakiriError, isHakiriError } from '@hakiri/core';
import { copyCatalog, migrateCatalog } from '../catalog/database.ts';
import { openSqliteCatalog } from '../catalog/sqlite-catalog.ts';
import { versionInFile } from '../catalog/version-in-file.ts';
import type { Layout } from '../disk/layout.ts';
import { CONFIG, readStoreFormat, STORE_FORMAT } from '../disk/store-format.ts';
import { acquireCompactLock, acquireWriterLock } from '../disk/writer-lock.ts';
import { requireCatalog } from '../recovery/lost-catalog.ts';
import { staleViews, writeView } from '../view/write-views.ts';
import { backUp, listBackups } from './backups.ts';

export interface Upgrade {
  readonly from: number;
  readonly to: number;
  /** The folder with what was there before, absolute. */
  readonly backup: string;
}

export interface UpgradePlace {
  readonly files: Files;
  readonly clock: Clock;
  readonly paths: Layout;
  /** Told once it is done. */
  readonly onUpgrade?: ((upgrade: Upgrade) => void) | undefined;
}

/** Whoever comes to an older store wants something else of it: it waits for a while, and never for a whole run. */
const LOCK = { command: 'upgrade', waitMs: 10_000 };

/**
 * Brings a store of an older format to this one. Of any number of processes that come to it, the first does it, and
 * the others wait and find it done. False where there is no store.
 * @throws HakiriError store.newer_format, store.locked, store.compacting, store.read_only, store.disk_full,
 * store.catalog_lost, store.damaged
 */
export async function upgradeStore(place: UpgradePlace): Promise<boolean> {
  const { files, paths } = place;
  const format = await readStoreFormat(files, paths);
  if (format === undefined || format === STORE_FORMAT) return format !== undefined;
  const lock = await acquireWriterLock({ ...place, ...LOCK }).catch((error: unknown) => {
    throw notUpgraded(error, format);
  });
  try {
    return await upgradeHeldStore(place);
  } finally {
    lock.release();
  }
}

/**
 * The same, for the holder of the writer lock. Everything that it changes is copied for good before; the catalog
 * changes in one transaction, and the format last: whoever comes to a store that died on the way does the rest.
 * @param catalog `perhaps lost` to go on with one that is lost or damaged: it is about to be made again
 */
export async function upgradeHeldStore(
  place: UpgradePlace,
  catalog: 'needed' | 'perhaps lost' = 'needed',
): Promise<boolean> {
  const from = await readStoreFormat(place.files, place.paths);
  if (from === undefined || from === STORE_FORMAT) return from !== undefined;
  try {
    const backup = await bringUp(place, from, catalog);
    place.onUpgrade?.({ from, to: STORE_FORMAT, backup });
    return true;
  } catch (error) {
    throw notUpgraded(error, from);
  }
}

/** Gives the backup. */
async function bringUp(
  place: UpgradePlace,
  from: number,
  catalog: 'needed' | 'perhaps lost',
): Promise<string> {
  const { files, paths } = place;
  // Whoever compacts has the catalog open, and needs no writer lock for it.
  const compact = await acquireCompactLock(place, LOCK);
  try {
    const copy = await catalogCopy(place, catalog);
    const earlier = await madeBefore(place, from);
    const backup = earlier ?? (await backUp(place, from, copy));
    try {
      // What takes room comes first: from the migration on nothing is written but a name.
      await files.write(next(paths), CONFIG);
      await files.sync(next(paths));
      if (copy !== undefined) migrateCatalog(paths.catalog);
    } catch (error) {
      if (earlier === undefined) await files.removeTree(backup).catch(() => {});
      throw error;
    }
    await files.rename(next(paths), paths.config);
    await files.syncFolder(paths.context);
    // The next run would write them as well.
    await writeViews(place).catch(() => {});
    return backup;
  } finally {
    compact.release();
  }
}

/** Another Hakiri writes other SQL. */
async function writeViews({ files, clock, paths }: UpgradePlace): Promise<void> {
  if (!(await files.stat(paths.catalog))) return;
  const catalog = openSqliteCatalog(paths.catalog);
  try {
    for (const { name } of await staleViews(files, paths, catalog)) {
      await writeView({ files, clock, paths, catalog }, name);
    }
  } finally {
    await catalog.close();
  }
}

const next = ({ config }: Layout): string => `${config}.tmp`;

async function catalogCopy(
  { files, paths }: UpgradePlace,
  catalog: 'needed' | 'perhaps lost',
): Promise<Uint8Array | undefined> {
  try {
    await requireCatalog(files, paths);
    return (await files.stat(paths.catalog)) ? copyCatalog(paths.catalog) : undefined;
  } catch (error) {
    const isLost = isHakiriError(error) && error.code === 'store.catalog_lost';
    if (isLost && catalog === 'perhaps lost') return undefined;
    throw error;
  }
}

/**
 * That of an upgrade which died between the catalog and the format. A copy of the catalog as it is now would be of
 * no use to the Hakiri before.
 */
async function madeBefore(place: UpgradePlace, from: number): Promise<string | undefined> {
  if (versionInFile(place.paths.catalog) < STORE_FORMAT) return undefined;
  const own = (await listBackups(place)).filter(({ format }) => format === from);
  return own.findLast(({ catalog }) => catalog > 0 && catalog < STORE_FORMAT)?.path;
}

function notUpgraded(error: unknown, format: number): unknown {
  if (!isHakiriError(error)) return error;
  const { code, message, details, hint } = error;
  const again = (text: string): HakiriError =>
    new HakiriError(
      code,
      `The store has format ${format} and is brought to ${STORE_FORMAT} before it is used: ${message}`,
      { hint: text, cause: error, details },
    );
  switch (code) {
    case 'store.read_only':
      return again('Copy the folder to where it can be written to, and work on the copy.');
    case 'store.disk_full':
      return again('Make room for a copy of its catalog, and try again. It is as it was.');
    case 'store.locked':
    case 'store.compacting':
      return again(hint);
    default:
      return error;
  }
}
