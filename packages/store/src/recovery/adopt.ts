import { dirname } from 'node:path';
import { type Catalog, type Files, type HakiriError, type RunId, toHakiriError } from '@hakiri/core';
import type { Layout } from '../disk/layout.ts';
import { findRuns } from './find-runs.ts';
import { readManifestFile } from './read-manifest.ts';

export interface Adoption {
  readonly adopted: readonly RunId[];
  readonly damaged: readonly { readonly path: string; readonly error: HakiriError }[];
}

/**
 * Takes in every complete manifest that the catalog does not know: a process died between writing it and telling
 * the catalog, or the catalog is new. A damaged one is reported and left alone.
 */
export async function adoptRuns(files: Files, paths: Layout, catalog: Catalog): Promise<Adoption> {
  const known = await catalog.runIds();
  const adopted: RunId[] = [];
  const damaged: { path: string; error: HakiriError }[] = [];
  for (const { run, manifest } of await findRuns(files, paths, (id) => known.has(id))) {
    if (manifest === undefined) continue;
    try {
      const read = await readManifestFile(files, paths, manifest);
      await catalog.commitRun(read.manifest, read.schemas);
      adopted.push(run);
    } catch (error) {
      damaged.push({ path: manifest, error: toHakiriError(error) });
    }
  }
  return { adopted, damaged };
}

/**
 * Removes what runs that died left behind: folders without a manifest, quarantine files without a run, temporary
 * files. Only for the holder of the writer lock: then nobody is still writing them.
 */
export async function sweepOrphans(
  files: Files,
  paths: Layout,
  catalog: Catalog,
): Promise<readonly string[]> {
  const known = await catalog.runIds();
  const swept: string[] = [];
  for (const { folder, manifest } of await findRuns(files, paths, (id) => known.has(id))) {
    if (manifest !== undefined) continue;
    await files.removeTree(dirname(folder));
    swept.push(folder);
  }
  for (const table of await files.list(paths.tables)) {
    const quarantine = `${paths.tables}/${table.name}/quarantine`;
    for (const { name } of await files.list(quarantine)) {
      const run = name.split('.')[0] as RunId;
      if (known.has(run) && name === `${run}.ndjson`) continue;
      await files.remove(`${quarantine}/${name}`);
      swept.push(`${quarantine}/${name}`);
    }
  }
  return swept;
}
