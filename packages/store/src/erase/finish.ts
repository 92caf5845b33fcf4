import type { CatalogTable, TableName } from '@hakiri/core';
import { findRuns } from '../recovery/find-runs.ts';
import { findSnapshots } from '../recovery/find-snapshots.ts';
import type { StoreContext } from '../store-context.ts';
import { carryOut, readPlan, writePlan } from './plan.ts';
import { prepareTable, type TableChange } from './prepare.ts';
import { type ErasureProof, type Forgotten, readErasures } from './records.ts';
import { tableFiles } from './table-files.ts';
import { erasureTargets } from './targets.ts';

export interface Erased {
  readonly changes: readonly TableChange[];
  readonly proof: ErasureProof;
}

/** Whether a process died while it forgot something. */
export async function isErasureUnfinished(context: Pick<StoreContext, 'files' | 'paths'>): Promise<boolean> {
  const names = new Set((await context.files.list(context.paths.erasures)).map(({ name }) => name));
  if (names.has('_plan.json')) return true;
  return [...names].some(
    (name) => /^[0-9a-f]{64}\.json$/.test(name) && !names.has(name.replace('.json', '.done.json')),
  );
}

/**
 * Finishes what a process that died had begun to forget. What it was about is known by its digest alone. Only for
 * the holder of both locks.
 */
export async function finishErasures(context: StoreContext): Promise<void> {
  const plan = await readPlan(context);
  const forgotten = (await readErasures(context))?.forgotten;
  if (forgotten === undefined) return;
  if (plan) await carryOut(context, plan, erasureTargets(context), forgotten);
  const unfinished = (await readErasures(context))?.unfinished ?? [];
  if (unfinished.length > 0) await erase(context, forgotten, unfinished);
}

/** Removes what is forgotten from every file. Only for the holder of both locks. */
export async function erase(
  context: StoreContext,
  forgotten: Forgotten,
  digests: readonly string[],
  onTable: (table: TableName) => void = () => {},
): Promise<Erased> {
  const changes: TableChange[] = [];
  for (const table of await context.catalog.tables()) {
    if (!(await isConcerned(context, table, forgotten))) continue;
    onTable(table.name);
    const files = await tableFiles(context, table);
    const change = await prepareTable(context, files, forgotten);
    const left = await leftParts(context, table.name, change);
    changes.push({ ...change, removed: [...new Set([...change.removed, ...left])] });
  }
  await writePlan(context, { format: 1, digests, changes });
  const plan = { format: 1, digests, changes } as const;
  const proof = await carryOut(context, plan, erasureTargets(context), forgotten);
  return { changes, proof };
}

async function isConcerned(
  { catalog }: StoreContext,
  table: CatalogTable,
  forgotten: Forgotten,
): Promise<boolean> {
  if (forgotten.hasKeys(table.name)) return true;
  if (!forgotten.hasSubjects) return false;
  if (table.subjectColumns.length > 0) return true;
  return (await catalog.runs(table.name)).some((run) => run.subject_columns.length > 0);
}

/** Parts in the folders of what the catalog knows that nothing names, left by an attempt that died. */
async function leftParts(
  context: StoreContext,
  table: TableName,
  change: TableChange,
): Promise<readonly string[]> {
  const { catalog, files, paths } = context;
  const collected = await catalog.collectedRuns(table);
  const runs = await catalog.runs(table);
  const snapshots = await catalog.snapshots(table);
  const named = new Set([
    ...[...runs.filter(({ run }) => !collected.has(run)), ...change.runs].flatMap(({ parts }) =>
      parts.map(({ path }) => path),
    ),
    ...[...snapshots, ...change.snapshots].flatMap(({ partitions }) =>
      partitions.flatMap(({ parts }) => parts.map(({ path }) => path)),
    ),
  ]);
  const knownRuns = new Set(runs.map(({ run }) => run));
  const known = new Set(snapshots.map(({ snapshot }) => snapshot));
  const folders = [
    ...(await findRuns(files, paths)).filter(({ run }) => knownRuns.has(run)),
    // One without a manifest is being collected, and holds what newer ones carry.
    ...(await findSnapshots(files, paths)).filter(
      ({ snapshot, manifest }) => manifest === undefined || known.has(snapshot),
    ),
  ].filter((found) => found.table === table);
  const left: string[] = [];
  const look = async (folder: string): Promise<void> => {
    for (const { name, isFolder } of await files.list(folder)) {
      const path = `${folder}/${name}`;
      const relative = path.slice(paths.context.length + 1);
      if (isFolder) await look(path);
      else if (name.endsWith('.parquet') && !named.has(relative)) left.push(relative);
    }
  };
  for (const { folder } of folders) await look(folder);
  return left;
}
