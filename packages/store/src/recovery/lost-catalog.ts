import { type Files, HakiriError } from '@hakiri/core';
import type { Layout } from '../disk/layout.ts';
import { findRuns } from './find-runs.ts';
import { findSnapshots } from './find-snapshots.ts';

/** A missing catalog beside committed runs is a loss to be told, not a new store. @throws HakiriError store.catalog_lost */
export async function requireCatalog(files: Files, paths: Layout): Promise<void> {
  if (await files.stat(paths.catalog)) return;
  const found = [...(await findRuns(files, paths)), ...(await findSnapshots(files, paths))];
  const committed = found.some(({ manifest }) => manifest !== undefined);
  if (committed) throw new HakiriError('store.catalog_lost', `The catalog ${paths.catalog} is missing`);
}
