import { dirname } from 'node:path';
import {
  type Catalog,
  type Files,
  HakiriError,
  type RunId,
  type SnapshotId,
  type TableName,
  toHakiriError,
  ulidTimeMs,
} from '@hakiri/core';
import { readDeltaHead } from '../delta/delta-file.ts';
import { syncUpTo } from '../disk/durable.ts';
import { INDEXES_NAME, type Layout, snapshotFolder } from '../disk/layout.ts';
import type { Screen } from '../erase/screen.ts';
import { type FoundDelta, findDeltas } from './find-deltas.ts';
import { type FoundRun, findRuns } from './find-runs.ts';
import { type FoundSnapshot, findSnapshots } from './find-snapshots.ts';
import { type ReadManifest, type ReadSnapshot, readManifestFile, readSnapshotFile } from './read-manifest.ts';
import { manifestFile, screenArrivals } from './screen-arrivals.ts';

export interface Adoption {
  readonly adopted: readonly RunId[];
  readonly damaged: readonly Damaged[];
  /** Runs without a manifest: being written, or left by a process that died. */
  readonly uncommitted: readonly FoundRun[];
  /** Snapshots without a manifest: the same, or half collected. */
  readonly unpublished: readonly FoundSnapshot[];
}

export interface Damaged {
  readonly run: RunId | undefined;
  readonly path: string;
  readonly error: HakiriError;
}

/**
 * Takes in everything complete that the catalog does not know: a process died between writing it and telling the
 * catalog, another machine made it, or the catalog is new. What is damaged is reported and left alone, and so is a
 * run from before the table's horizon: the deletes that its rows might have lost to are forgotten. Whoever died may
 * not have got to flush a file's name, and what the catalog names is built upon: so it is flushed first.
 * @param screen takes out of the files what was forgotten for good; needed where anything was
 */
export async function adopt(
  files: Files,
  paths: Layout,
  catalog: Catalog,
  screen?: Screen,
): Promise<Adoption> {
  const adopted: RunId[] = [];
  const damaged: Damaged[] = [];
  const attempt = async (run: RunId | undefined, path: string, action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      damaged.push({ run, path, error: toHakiriError(error) });
    }
  };

  const knownSnapshots = await catalog.snapshotIds();
  const snapshots = await findSnapshots(files, paths, (id) => knownSnapshots.has(id));
  const snapshotsRead: ReadSnapshot[] = [];
  for (const { manifest: path } of snapshots) {
    if (path === undefined) continue;
    await attempt(undefined, path, async () => {
      snapshotsRead.push(await readSnapshotFile(files, paths, path));
    });
  }

  const known = await catalog.runIds();
  const found = await findRuns(files, paths, (id) => known.has(id));
  const runsRead: ReadManifest[] = [];
  for (const { run, manifest: path } of found) {
    if (path === undefined) continue;
    await attempt(run, path, async () => void runsRead.push(await readManifestFile(files, paths, path)));
  }
  // Runs that are about to be refused as well: their files stay on the disk.
  // What a fold made of small writes that the catalog has is nothing new: leaving rows of it out now would show what
  // they superseded.
  const open = screen ? await openDeltas(catalog) : new Set<RunId>();
  const isFolded = ({ manifest }: ReadManifest): boolean => open.has(manifest.run);
  const read = { runs: runsRead.filter((run) => !isFolded(run)), snapshots: snapshotsRead };
  const clean = screen
    ? await screenArrivals(screen, paths, read, await unknownDeltas(files, paths, catalog))
    : { ...read, damaged: [] };
  damaged.push(...clean.damaged);
  const taken = [...clean.runs, ...(screen ? runsRead.filter(isFolded) : [])];
  const arrived = clean.snapshots.map(coveringItsLedger);
  const horizons = found.length > 0 ? await horizonsOf(catalog, arrived) : new Map();
  // In the order in which they were made, whether a run's files are there or only a ledger tells of it: the past is
  // read by it.
  const onDisk = new Map(taken.map((read) => [read.manifest.run, read]));
  const ledgers = await ledgerRuns(catalog, arrived);
  const collected: RunId[] = [];
  for (const run of [...new Set([...onDisk.keys(), ...ledgers.keys()])].sort()) {
    const [here, told] = [onDisk.get(run), ledgers.get(run)];
    if (here) {
      await attempt(run, manifestFile(paths, here.manifest), async () => {
        requireRecent(run, horizons.get(here.manifest.table));
        await files.syncFolder(dirname(manifestFile(paths, here.manifest)));
        await catalog.commitRun(here.manifest, here.schemas);
        adopted.push(run);
      });
    } else if (told) {
      await catalog.commitRun(told.manifest, told.schemas);
      collected.push(run);
    }
  }
  if (collected.length > 0) await catalog.collect({ runs: collected, snapshots: [] });
  for (const { manifest, schemas } of arrived) {
    const folder = paths.absolute(snapshotFolder(manifest.table, manifest.snapshot));
    await files.syncFolder(folder);
    await catalog.commitSnapshot(manifest, schemas);
  }
  const refused = new Set(damaged.map(({ path }) => path));
  const deltas = (await findDeltas(files, paths)).filter(({ path }) => !refused.has(path));
  const here = deltas.length > 0 ? await takenDeltas(catalog) : new Set<RunId>();
  for (const { run, path } of deltas) {
    if (here.has(run)) continue;
    await attempt(run, path, async () => {
      const { head, schemas } = await readDeltaHead(files, paths, path);
      await syncUpTo(files, dirname(path), paths.context);
      await catalog.commitDelta(head, schemas);
      adopted.push(run);
    });
  }
  return {
    adopted,
    damaged,
    uncommitted: found.filter(({ manifest }) => manifest === undefined),
    unpublished: snapshots.filter(({ manifest }) => manifest === undefined),
  };
}

/** What its ledger tells of is merged, whether or not the snapshot still names it. */
function coveringItsLedger(read: ReadSnapshot): ReadSnapshot {
  const covers = [...new Set([...read.manifest.covers, ...read.runs.map(({ run }) => run)])].sort();
  return { ...read, manifest: { ...read.manifest, covers } };
}

/** Runs that the catalog does not know and a snapshot's ledger tells of. */
async function ledgerRuns(
  catalog: Catalog,
  snapshots: readonly ReadSnapshot[],
): Promise<ReadonlyMap<RunId, ReadManifest>> {
  const known = snapshots.length > 0 ? await catalog.runIds() : new Set<RunId>();
  const told = new Map<RunId, ReadManifest>();
  for (const { runs, schemas } of snapshots) {
    for (const manifest of runs) if (!known.has(manifest.run)) told.set(manifest.run, { manifest, schemas });
  }
  return told;
}

interface Horizon {
  readonly time: string;
  readonly covers: ReadonlySet<RunId>;
}

/** Of each table's newest snapshot, those that just arrived included. */
async function horizonsOf(
  catalog: Catalog,
  arrived: readonly ReadSnapshot[],
): Promise<ReadonlyMap<TableName, Horizon>> {
  const tables = (await catalog.tables()).flatMap(({ snapshot }) => snapshot?.manifest ?? []);
  const newest = new Map<TableName, { snapshot: SnapshotId } & Horizon>();
  for (const manifest of [...tables, ...arrived.map((read) => read.manifest)]) {
    const other = newest.get(manifest.table);
    if (other && other.snapshot > manifest.snapshot) continue;
    const { snapshot, horizon: time } = manifest;
    newest.set(manifest.table, { snapshot, time, covers: new Set(manifest.covers) });
  }
  return newest;
}

function requireRecent(run: RunId, horizon: Horizon | undefined): void {
  if (horizon === undefined || horizon.covers.has(run)) return;
  const made = new Date(ulidTimeMs(run)).toISOString();
  if (made >= horizon.time) return;
  throw new HakiriError(
    'store.run_too_old',
    `Run ${run} was made at ${made}; the table remembers its deletes since ${horizon.time} only`,
  );
}

async function unknownDeltas(files: Files, paths: Layout, catalog: Catalog): Promise<readonly FoundDelta[]> {
  const taken = await takenDeltas(catalog);
  return (await findDeltas(files, paths)).filter(({ run }) => !taken.has(run));
}

/** Small writes that the catalog has already, folded or not. */
async function takenDeltas(catalog: Catalog): Promise<ReadonlySet<RunId>> {
  return new Set([...(await catalog.runIds()), ...(await openDeltas(catalog))]);
}

async function openDeltas(catalog: Catalog): Promise<ReadonlySet<RunId>> {
  return new Set((await catalog.tables()).flatMap(({ deltas }) => deltas.map(({ run }) => run)));
}

/**
 * Removes what runs that died left behind: folders without a manifest, quarantine files that no manifest names.
 * What belongs to a damaged run stays for whoever mends it. Only for the holder of the writer lock: then nobody is
 * still writing them.
 */
export async function sweepRuns(
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
    [...(await catalog.runIds()), ...damaged.flatMap(({ run }) => run ?? [])].map((run) => `${run}.ndjson`),
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

/**
 * Removes what compactions that died left behind. A folder without a manifest may still hold parts that newer
 * snapshots carry: those stay. Only for the holder of the compaction lock.
 */
export async function sweepSnapshots(
  files: Files,
  paths: Layout,
  catalog: Catalog,
  unpublished: readonly FoundSnapshot[],
): Promise<readonly string[]> {
  const swept: string[] = [];
  for (const { table, folder } of unpublished) {
    const carried = await carriedFiles(catalog, paths, table);
    if (await removeUncarried(files, folder, carried)) swept.push(folder);
  }
  return swept;
}

/** Absolute paths of every file that a snapshot of the table needs. */
export async function carriedFiles(
  catalog: Catalog,
  paths: Layout,
  table: TableName,
): Promise<ReadonlySet<string>> {
  const carried = (await catalog.snapshots(table)).flatMap(({ partitions, ledger }) => [
    ...partitions.flatMap(({ parts }) => parts.map(({ path }) => path)),
    ...ledger.map(({ path }) => path),
  ]);
  return new Set(carried.map(paths.absolute));
}

/** @returns whether anything was removed */
export async function removeUncarried(
  files: Files,
  folder: string,
  carried: ReadonlySet<string>,
): Promise<boolean> {
  if (![...carried].some((path) => path.startsWith(`${folder}/`))) {
    await files.removeTree(folder);
    return true;
  }
  let removed = false;
  const holdsParts = [...carried].some((path) => dirname(path) === folder && path.endsWith('.parquet'));
  for (const { name, isFolder } of await files.list(folder)) {
    const path = `${folder}/${name}`;
    // Parts of a folder are carried together, and with what was made of them.
    if (name === INDEXES_NAME && holdsParts) continue;
    if (isFolder) removed = (await removeUncarried(files, path, carried)) || removed;
    else if (!carried.has(path)) {
      await files.remove(path);
      removed = true;
    }
  }
  return removed;
}
