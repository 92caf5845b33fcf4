import { dirname } from 'node:path';
import { type Catalog, type Files, type HakiriError, type RunId, toHakiriError } from '@hakiri/core';
import type { Layout } from '../disk/layout.ts';
import { type FoundRun, findRuns } from './find-runs.ts';
import { readManifestFile } from './read-manifest.ts';

export interface Adoption {
  readonly adopted: readonly RunId[];
  readonly damaged: readonly { readonly run: RunId; readonly path: string; readonly error: HakiriError }[];
  /** Runs without a manifest: being written, or left by a process that died. */
  readonly uncommitted: readonly FoundRun[];
}

/**
 * Takes in every complete manifest that the catalog does not know: a process died between writing it and telling
 * the catalog, or the catalog is new. A damaged one is reported and left alone.
 */
export async function adoptRuns(files: Files, paths: Layout, catalog: Catalog): Promise<Adoption> {
  const known = await catalog.runIds();
  const adopted: RunId[] = [];
  const damaged: { run: RunId; path: string; error: HakiriError }[] = [];
  const found = await findRuns(files, paths, (id) => known.has(id));
  for (const { run, manifest } of found) {
    if (manifest === undefined) continue;
    try {
      const read = await readManifestFile(files, paths, manifest);
      await catalog.commitRun(read.manifest, read.schemas);
      adopted.push(run);
    } catch (error) {
      damaged.push({ run, path: manifest, error: toHakiriError(error) });
    }
  }
  return { adopted, damaged, uncommitted: found.filter(({ manifest }) => manifest === undefined) };
}

/**
 * Removes what runs that died left behind: folders without a manifest, quarantine files that no manifest names.
 * What belongs to a damaged run stays for whoever mends it. Only for the holder of the writer lock: then nobody is
 * still writing them.
 */
export async function sweepOrphans(
  files: Files,
  paths: Layout,
  catalog: Catalog,
  { damaged, uncommitted }: Adoption,
): Promise<readonly string[]> {
  const swept: string[] = [];
  for (const { folder } of uncommitted) {
    await files.removeTree(dirname(folder));
    swept.push(folder);
  }
  const kept = new Set(
    [...(await catalog.runIds()), ...damaged.map(({ run }) => run)].map((run) => `${run}.ndjson`),
  );
  for (const table of await files.list(paths.tables)) {
    const quarantine = `${paths.tables}/${table.name}/quarantine`;
    for (const { name } of await files.list(quarantine)) {
      if (kept.has(name)) continue;
      await files.remove(`${quarantine}/${name}`);
      swept.push(`${quarantine}/${name}`);
    }
  }
  return swept;
}
