import { type HakiriError, type RunId, type RunManifest, type TableName, toHakiriError } from '@hakiri/core';
import { type Layout, MANIFEST_NAME, runFolder } from '../disk/layout.ts';
import type { Screen } from '../erase/screen.ts';
import type { FoundDelta } from './find-deltas.ts';
import type { ReadManifest, ReadSnapshot } from './read-manifest.ts';

interface Arrivals {
  readonly runs: readonly ReadManifest[];
  readonly snapshots: readonly ReadSnapshot[];
}

export interface ScreenedArrivals extends Arrivals {
  readonly damaged: readonly {
    readonly run: RunId | undefined;
    readonly path: string;
    readonly error: HakiriError;
  }[];
}

/** What arrived, table by table, without what was forgotten. A table that cannot be looked into is left alone. */
export async function screenArrivals(
  screen: Screen,
  paths: Layout,
  arrivals: Arrivals,
  deltas: readonly FoundDelta[],
): Promise<ScreenedArrivals> {
  const tables = new Set<TableName>([
    ...[...arrivals.runs, ...arrivals.snapshots].map(({ manifest }) => manifest.table),
    ...deltas.map(({ table }) => table),
  ]);
  const clean: ScreenedArrivals[] = [];
  for (const name of tables) {
    const runs = arrivals.runs.filter(({ manifest }) => manifest.table === name);
    const snapshots = arrivals.snapshots.filter(({ manifest }) => manifest.table === name);
    const files = deltas.filter(({ table }) => table === name).map(({ path }) => path);
    try {
      clean.push({ ...(await screen(name, { runs, snapshots, deltas: files })), damaged: [] });
    } catch (thrown) {
      const error = toHakiriError(thrown);
      const damaged = [
        ...runs.map(({ manifest }) => ({
          run: manifest.run,
          path: manifestFile(paths, manifest),
          error,
        })),
        ...files.map((path) => ({ run: undefined, path, error })),
      ];
      clean.push({ runs: [], snapshots: [], damaged });
    }
  }
  return {
    // In the order of their ids, as they were found.
    runs: clean.flatMap(({ runs }) => runs).sort((a, b) => (a.manifest.run < b.manifest.run ? -1 : 1)),
    snapshots: clean.flatMap(({ snapshots }) => snapshots),
    damaged: clean.flatMap(({ damaged }) => damaged),
  };
}

export const manifestFile = (paths: Layout, { table, run, node }: RunManifest): string =>
  paths.absolute(`${runFolder(table, run, node)}/${MANIFEST_NAME}`);
