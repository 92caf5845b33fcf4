import { dirname } from 'node:path';
import {
  firstRunIdOf,
  type PartEntry,
  type SnapshotId,
  type SnapshotManifest,
  type TableName,
} from '@hakiri/core';
import { type Compacted, compactTable } from '../compact/compact-table.ts';
import { writeDurably } from '../disk/durable.ts';
import { MANIFEST_NAME, snapshotFolder } from '../disk/layout.ts';
import type { LockOptions, StoreOptions } from '../open-context.ts';
import { openMaintenance } from '../open-maintenance.ts';
import type { StoreContext } from '../store-context.ts';
import { partFault } from './part-fault.ts';

export interface Repair {
  readonly table: TableName;
  /** The damaged snapshot. */
  readonly snapshot: SnapshotId;
  /** In words, naming the file. */
  readonly fault: string;
  /** What was made in its place; undefined where too little is left, and the damaged one stays. */
  readonly made: Compacted | 'manifest' | undefined;
}

/**
 * Looks through the current snapshot of each table, and makes a damaged one again from the newest sound one before
 * it and the runs since, where all of their files remain.
 * @throws HakiriError store.not_found, store.compacting
 */
export function repairStore(options: StoreOptions, lock: LockOptions): Promise<readonly Repair[]> {
  return openMaintenance(options, lock, async (context) => {
    const repairs: Repair[] = [];
    for (const { name, snapshot } of await context.catalog.tables()) {
      repairs.push(...(await writeLostManifests(context, name)));
      const fault = snapshot && (await snapshotFault(context, snapshot.manifest));
      if (!snapshot || fault === undefined) continue;
      const made = await makeAgain(context, name, snapshot.manifest);
      repairs.push({ table: name, snapshot: snapshot.manifest.snapshot, fault, made });
    }
    return repairs;
  });
}

/** The catalog holds every manifest: one that is lost or damaged on the disk is written again. */
async function writeLostManifests(
  { catalog, files, paths }: StoreContext,
  table: TableName,
): Promise<readonly Repair[]> {
  const repairs: Repair[] = [];
  for (const manifest of await catalog.snapshots(table)) {
    const path = paths.absolute(`${snapshotFolder(table, manifest.snapshot)}/${MANIFEST_NAME}`);
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    if ((await files.stat(path)) && (await files.readText(path)) === text) continue;
    await files.makeFolder(dirname(path));
    await writeDurably(files, path, text);
    repairs.push({
      table,
      snapshot: manifest.snapshot,
      fault: `${MANIFEST_NAME} is missing or changed`,
      made: 'manifest',
    });
  }
  return repairs;
}

async function makeAgain(
  context: StoreContext,
  table: TableName,
  damaged: SnapshotManifest,
): Promise<Compacted | undefined> {
  const { catalog, files, paths } = context;
  const bad = [damaged];
  let base: SnapshotManifest | undefined;
  for (const older of (await catalog.snapshots(table)).toReversed()) {
    if (older.snapshot >= damaged.snapshot) continue;
    base = (await snapshotFault(context, older)) === undefined ? older : undefined;
    if (base) break;
    bad.push(older);
  }
  // Before the oldest snapshot that is left there was another: what that one merged is collected.
  if (base === undefined && bad.at(-1)?.parent !== null) return undefined;
  if (!(await runsRemain(context, table, base))) return undefined;
  for (const { snapshot } of bad) {
    // Without its manifest nobody adopts it again; what newer snapshots carry of it stays.
    await files.remove(paths.absolute(`${snapshotFolder(table, snapshot)}/${MANIFEST_NAME}`));
    await files.syncFolder(paths.absolute(snapshotFolder(table, snapshot)));
    await catalog.retract(snapshot);
  }
  return compactTable(context, table, 'asked');
}

/** Whether every run that the base does not cover still has its files, undamaged. */
async function runsRemain(
  context: StoreContext,
  table: TableName,
  base: SnapshotManifest | undefined,
): Promise<boolean> {
  const covered = new Set(base?.covers ?? []);
  const collected = await context.catalog.collectedRuns(table);
  for (const { run, parts } of await context.catalog.runs(table)) {
    // One that is collected and from before the horizon is covered although it is named no more.
    const isLongGone =
      base !== undefined && collected.has(run) && run < firstRunIdOf(Date.parse(base.horizon));
    if (covered.has(run) || isLongGone) continue;
    if (collected.has(run) || (await firstFault(context, parts)) !== undefined) return false;
  }
  return true;
}

function snapshotFault(context: StoreContext, { partitions }: SnapshotManifest): Promise<string | undefined> {
  return firstFault(
    context,
    partitions.flatMap(({ parts }) => parts),
  );
}

async function firstFault(context: StoreContext, parts: readonly PartEntry[]): Promise<string | undefined> {
  for (const part of parts) {
    const fault = await partFault(context, context.paths.absolute(part.path), part);
    if (fault !== undefined) return `${part.path} ${fault}`;
  }
  return undefined;
}
