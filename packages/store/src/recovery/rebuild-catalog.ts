import type { RunId } from '@hakiri/core';
import { openSqliteCatalog } from '../catalog/sqlite-catalog.ts';
import { layout } from '../disk/layout.ts';
import { readStoreFormat } from '../disk/store-format.ts';
import { acquireWriterLock } from '../disk/writer-lock.ts';
import { readPlan, writeFiles } from '../erase/plan.ts';
import { openScreen } from '../erase/screen.ts';
import { type LockOptions, type StoreOptions, storeContext } from '../open-context.ts';
import { upgradeHeldStore } from '../upgrade/upgrade-store.ts';
import { writeView } from '../view/write-views.ts';
import { adopt } from './adopt.ts';

/**
 * Makes the catalog again from the manifests. The old file, whatever is left of it, is kept beside the new one.
 * A store of an older format is upgraded on the way.
 * @throws HakiriError store.locked, store.newer_format
 */
export async function rebuildCatalog(
  options: StoreOptions,
  lockOptions: LockOptions,
): Promise<{ readonly runs: readonly RunId[]; readonly damaged: readonly string[] }> {
  const { files, clock } = options;
  const paths = layout(options.root, options.project);
  await readStoreFormat(files, paths);
  const lock = await acquireWriterLock({ ...options, ...lockOptions, paths });
  try {
    await upgradeHeldStore({ ...options, paths }, 'perhaps lost');
    const fresh = `${paths.catalog}.rebuilt`;
    for (const suffix of ['', '-wal', '-shm']) await files.remove(`${fresh}${suffix}`);
    const catalog = openSqliteCatalog(fresh);
    // An erasure that was interrupted has decided already what the files hold.
    const plan = await readPlan({ files, paths });
    if (plan) await writeFiles({ files, paths }, plan);
    const screen = await openScreen(storeContext(options, paths, catalog));
    const { adopted, damaged } = await adopt(files, paths, catalog, screen);
    // Closing the last connection folds the write-ahead log in, so that one rename moves the whole catalog.
    await catalog.close();
    const stamp = new Date(clock.nowMs()).toISOString().replaceAll(':', '-');
    for (const suffix of ['-wal', '-shm', '']) {
      if (await files.stat(`${paths.catalog}${suffix}`)) {
        await files.rename(`${paths.catalog}${suffix}`, `${paths.catalog}.lost-${stamp}${suffix}`);
      }
    }
    await files.sync(fresh);
    await files.rename(fresh, paths.catalog);
    await files.syncFolder(paths.context);
    const rebuilt = openSqliteCatalog(paths.catalog);
    for (const table of await rebuilt.tables())
      await writeView({ files, clock, paths, catalog: rebuilt }, table.name);
    await rebuilt.close();
    return { runs: adopted, damaged: damaged.map(({ path, error }) => `${path}: ${error.message}`) };
  } finally {
    lock.release();
  }
}
