import type { RunId, SnapshotId, SnapshotManifest, TableName } from '@hakiri/core';
import { snapshotTimeMs } from '../compact/snapshot-id.ts';
import { MANIFEST_NAME } from '../disk/layout.ts';
import { carriedFiles, removeUncarried } from '../recovery/adopt.ts';
import { findDeltas } from '../recovery/find-deltas.ts';
import { findRuns } from '../recovery/find-runs.ts';
import { findSnapshots } from '../recovery/find-snapshots.ts';
import type { StoreContext } from '../store-context.ts';

export interface Collected {
  readonly table: TableName;
  readonly runs: number;
  readonly snapshots: number;
  /** Of Parquet, given back. */
  readonly bytes: number;
}

/** However short the retention: a query that started before may still read what it names. */
const MIN_RETENTION_MS = 2 * 3_600_000;

/**
 * Removes the files that no question about a time within the retention needs: runs that a snapshot from before it
 * has merged, snapshots whose successor is from before it. The catalog forgets them first, so that a crash leaves
 * files that nobody reads and the next collection removes. Only for the holder of the compaction lock.
 */
export async function collectGarbage(context: StoreContext, table: TableName): Promise<Collected> {
  const { catalog, clock } = context;
  const retentionMs = Math.max(context.settings(table).retentionMs, MIN_RETENTION_MS);
  const since = clock.nowMs() - retentionMs;
  const snapshots = await catalog.snapshots(table);
  const gone = snapshots.filter((_, i) => {
    const next = snapshots[i + 1];
    return next !== undefined && snapshotTimeMs(next.snapshot) < since;
  });
  const merged = (await catalog.coveredRuns(table)).filter(
    ({ coveredBy }) => snapshotTimeMs(coveredBy) < since,
  );
  if (gone.length > 0 || merged.length > 0) {
    await catalog.collect({
      runs: merged.map(({ run }) => run),
      snapshots: gone.map(({ snapshot }) => snapshot),
    });
  }
  await removeCollected(context, table, new Set(gone.map(({ snapshot }) => snapshot)));
  return {
    table,
    runs: merged.length,
    snapshots: gone.length,
    bytes:
      merged.reduce((sum, { bytes }) => sum + bytes, 0) +
      uncarriedBytes(
        gone,
        snapshots.filter((snapshot) => !gone.includes(snapshot)),
      ),
  };
}

/**
 * Removes whatever of collected runs and snapshots is on the disk, also what an earlier collection left that died.
 * A whole snapshot that the catalog does not know may just have arrived: it stays.
 */
async function removeCollected(
  { files, paths, catalog }: StoreContext,
  table: TableName,
  gone: ReadonlySet<SnapshotId>,
): Promise<void> {
  const runs: ReadonlySet<RunId> = await catalog.collectedRuns(table);
  for (const found of await findRuns(files, paths, (run) => !runs.has(run))) {
    if (found.table !== table) continue;
    // The manifest first: a run with a manifest and no parts would look like damage.
    await removeManifest(files, found.folder);
    await files.removeTree(found.folder.slice(0, found.folder.lastIndexOf('/')));
  }
  for (const delta of await findDeltas(files, paths)) {
    if (delta.table === table && runs.has(delta.run)) await files.remove(delta.path);
  }
  const kept = await catalog.snapshotIds();
  const carried = await carriedFiles(catalog, paths, table);
  for (const found of await findSnapshots(files, paths, (id) => kept.has(id))) {
    if (found.table !== table || (found.manifest !== undefined && !gone.has(found.snapshot))) continue;
    await removeManifest(files, found.folder);
    await removeUncarried(files, found.folder, carried);
  }
}

async function removeManifest(files: StoreContext['files'], folder: string): Promise<void> {
  if (!(await files.stat(`${folder}/${MANIFEST_NAME}`))) return;
  await files.remove(`${folder}/${MANIFEST_NAME}`);
  await files.syncFolder(folder);
}

function uncarriedBytes(gone: readonly SnapshotManifest[], kept: readonly SnapshotManifest[]): number {
  const parts = (of: readonly SnapshotManifest[]) =>
    new Map(
      of.flatMap(({ partitions }) =>
        partitions.flatMap((partition) => partition.parts.map(({ path, bytes }) => [path, bytes] as const)),
      ),
    );
  const carried = parts(kept);
  return [...parts(gone)].reduce((sum, [path, bytes]) => (carried.has(path) ? sum : sum + bytes), 0);
}
