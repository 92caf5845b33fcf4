import { dirname } from 'node:path';
import type { ErasureTarget, RunManifest, SnapshotManifest } from '@hakiri/core';
import { writeDurably } from '../disk/durable.ts';
import { MANIFEST_NAME, runFolder, snapshotFolder } from '../disk/layout.ts';
import type { StoreContext } from '../store-context.ts';
import type { TableChange } from './prepare.ts';
import { proveErased } from './prove.ts';
import { type ErasureProof, type Forgotten, writeDone } from './records.ts';
import type { Replacement } from './rewrite-files.ts';

/**
 * What an erasure is about to do, written when all new content lies ready. From then on it is done, whatever
 * happens: doing it again from the start gives the same. Holds nothing of what is erased.
 */
export interface ErasurePlan {
  readonly format: 1;
  readonly digests: readonly string[];
  readonly changes: readonly TableChange[];
}

/** Beside the records, under a name that is none of theirs. */
const PLAN_NAME = '_plan.json';

type Place = Pick<StoreContext, 'files' | 'paths'>;

const planFile = ({ paths }: Place): string => `${paths.erasures}/${PLAN_NAME}`;

export async function readPlan(place: Place): Promise<ErasurePlan | undefined> {
  const path = planFile(place);
  if (!(await place.files.stat(path))) return undefined;
  return JSON.parse(await place.files.readText(path)) as ErasurePlan;
}

export async function writePlan(place: Place, plan: ErasurePlan): Promise<void> {
  await writeDurably(place.files, planFile(place), JSON.stringify(plan));
}

/**
 * Carries a plan out and proves it: manifests, small files, catalog, views, then the old files and what lies beside
 * the store. Each step leaves a store that reads right. Only for the holder of both locks.
 */
export async function carryOut(
  context: StoreContext,
  plan: ErasurePlan,
  targets: readonly ErasureTarget[],
  forgotten: Forgotten,
): Promise<ErasureProof> {
  const { files, paths, catalog, clock } = context;
  await writeFiles(context, plan);
  await catalog.rewrite({
    runs: plan.changes.flatMap(({ runs }) => runs),
    snapshots: plan.changes.flatMap(({ snapshots }) => snapshots),
  });
  const tables = plan.changes.map(({ table }) => table);
  // Before the tables are told of: a sidecar that is there then would be brought up to date, and not made anew.
  for (const target of targets) await target.erase(tables);
  for (const name of tables) await context.published({ name });
  await removeFiles(
    context,
    plan.changes.flatMap(({ removed }) => removed),
  );
  // Before the proof: what that finds is found again from the start, not by this plan.
  await files.remove(planFile(context));
  await files.syncFolder(paths.erasures);
  const proof = await proveErased(context, tables, targets, forgotten);
  const at = new Date(clock.nowMs()).toISOString();
  for (const digest of plan.digests) await writeDone(context, digest, proof, at);
  return proof;
}

/** The part of a plan that the catalog is made from. */
export async function writeFiles(place: Place, plan: ErasurePlan): Promise<void> {
  const { files, paths } = place;
  const collected = async (folder: string): Promise<boolean> =>
    (await files.stat(paths.absolute(`${folder}/${MANIFEST_NAME}`))) === undefined;
  const write = async (folder: string, manifest: RunManifest | SnapshotManifest): Promise<void> => {
    if (await collected(folder)) return;
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    await writeDurably(files, paths.absolute(`${folder}/${MANIFEST_NAME}`), text);
  };
  for (const { runs, snapshots, replaced } of plan.changes) {
    for (const replacement of replaced) await putInPlace(place, replacement);
    for (const run of runs) await write(runFolder(run.table, run.run, run.node), run);
    for (const snapshot of snapshots)
      await write(snapshotFolder(snapshot.table, snapshot.snapshot), snapshot);
  }
}

async function putInPlace({ files, paths }: Place, { path, from }: Replacement): Promise<void> {
  const absolute = paths.absolute(path);
  if (from === null) await files.remove(absolute);
  // Gone when an earlier attempt has moved it.
  else if (await files.stat(paths.absolute(from))) await files.rename(paths.absolute(from), absolute);
  await files.syncFolder(dirname(absolute));
}

/** Also folders that hold nothing any more: a partition's name may be a value. */
async function removeFiles({ files, paths }: Place, removed: readonly string[]): Promise<void> {
  const folders = new Set<string>();
  for (const path of removed) {
    await files.remove(paths.absolute(path));
    folders.add(dirname(paths.absolute(path)));
  }
  for (const folder of folders) {
    if ((await files.stat(folder)) === undefined) continue;
    if ((await files.list(folder)).length === 0) {
      await files.removeTree(folder);
      await files.syncFolder(dirname(folder));
    } else await files.syncFolder(folder);
  }
}
