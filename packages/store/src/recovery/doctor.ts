import {
  type Catalog,
  canonicalArrowJson,
  HakiriError,
  isHakiriError,
  type RunId,
  tableParts,
  toHakiriError,
} from '@hakiri/core';
import { openSqliteCatalog } from '../catalog/sqlite-catalog.ts';
import { fingerprint } from '../commit/fingerprint.ts';
import { type Layout, layout, SNAPSHOT_PREFIX, schemaFile } from '../disk/layout.ts';
import { sha256 } from '../disk/sha256.ts';
import { type StoreOptions, storePaths } from '../open-context.ts';
import { listBackups } from '../upgrade/backups.ts';
import { staleViews } from '../view/write-views.ts';
import { carriedFiles } from './adopt.ts';
import { findRuns } from './find-runs.ts';
import { findSnapshots } from './find-snapshots.ts';
import { partFault } from './part-fault.ts';
import { readManifestFile, readSnapshotFile } from './read-manifest.ts';

export interface DoctorCheck {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly message: string;
  readonly hint?: string;
  readonly path?: string;
}

export interface DoctorReport {
  readonly checks: readonly DoctorCheck[];
}

const RESTORE_RUN =
  "Restore the file from a copy, or remove its run's folder and run `hakiri doctor --rebuild-catalog`, which also sets the cursor back.";

const REPAIR =
  'Run `hakiri doctor --repair`: the snapshot is made again from an older one and the runs, where they remain.';

/** Reads the whole store and says what is wrong with it. Changes nothing but an older format, which is upgraded first. */
export async function examineStore(options: StoreOptions): Promise<DoctorReport> {
  const { files } = options;
  const paths = layout(options.root, options.project);
  const checks: DoctorCheck[] = [];
  try {
    await storePaths(options);
    checks.push({ name: 'format', state: 'ok', message: `The store's format is known` });
  } catch (error) {
    if (isHakiriError(error) && error.code === 'store.not_found') {
      return {
        checks: [
          {
            name: 'store',
            state: 'warning',
            message: 'There is no store yet',
            hint: 'Run a pipeline first: `hakiri run`.',
          },
        ],
      };
    }
    return { checks: [failed('format', error)] };
  }
  let catalog: Catalog;
  try {
    if (!(await files.stat(paths.catalog)))
      throw new HakiriError('store.catalog_lost', 'The catalog is missing');
    catalog = openSqliteCatalog(paths.catalog, 'read');
  } catch (error) {
    return { checks: [...checks, failed('catalog', error)] };
  }
  try {
    checks.push(...(await examineRuns(options, paths, catalog)));
    checks.push(...(await examineSnapshots(options, paths, catalog)));
    checks.push(...(await examineParts(options, paths, catalog)));
    checks.push(...(await examineSchemas(options, paths, catalog)));
    checks.push(...(await examineViews(options, paths, catalog)));
    checks.push(...(await examineBackups(options, paths)));
  } finally {
    await catalog.close();
  }
  return { checks };
}

async function examineRuns({ files }: StoreOptions, paths: Layout, catalog: Catalog): Promise<DoctorCheck[]> {
  const known = await catalog.runIds();
  const found = await findRuns(files, paths);
  const checks: DoctorCheck[] = [];
  for (const { run, folder, manifest } of found) {
    if (manifest === undefined) {
      checks.push({
        name: 'orphan',
        state: 'warning',
        message: `Run ${run} was never committed`,
        hint: 'A run that died left it; the next run removes it.',
        path: folder,
      });
      continue;
    }
    try {
      await readManifestFile(files, paths, manifest);
      if (!known.has(run)) {
        checks.push({
          name: 'run',
          state: 'warning',
          message: `Run ${run} is committed but not in the catalog`,
          hint: 'The next run or query takes it in.',
          path: manifest,
        });
      }
    } catch (error) {
      checks.push({ ...failed('manifest', error), hint: RESTORE_RUN, path: manifest });
    }
  }
  const collected = new Set<RunId>();
  for (const { name } of await catalog.tables()) {
    for (const run of await catalog.collectedRuns(name)) collected.add(run);
  }
  const onDisk = new Set(found.filter(({ manifest }) => manifest !== undefined).map(({ run }) => run));
  for (const run of known) {
    if (onDisk.has(run) || collected.has(run)) continue;
    checks.push({
      name: 'run',
      state: 'failed',
      message: `Run ${run} is in the catalog, its manifest is missing`,
      hint: 'Restore the folder from a copy, or run `hakiri doctor --rebuild-catalog` to go on without it.',
    });
  }
  return checks.length > 0
    ? checks
    : [{ name: 'runs', state: 'ok', message: `${counted(known.size, 'run')}, each with its manifest` }];
}

async function examineSnapshots(
  { files }: StoreOptions,
  paths: Layout,
  catalog: Catalog,
): Promise<DoctorCheck[]> {
  const known = await catalog.snapshotIds();
  const found = await findSnapshots(files, paths);
  const checks: DoctorCheck[] = [];
  for (const { snapshot, table, folder, manifest } of found) {
    if (manifest === undefined) {
      const carried = await carriedFiles(catalog, paths, table);
      if ([...carried].some((path) => path.startsWith(`${folder}/`))) continue;
      checks.push({
        name: 'orphan',
        state: 'warning',
        message: `Snapshot ${snapshot} of ${table} was never published`,
        hint: 'A compaction that died left it; the next one removes it.',
        path: folder,
      });
      continue;
    }
    try {
      const read = await readSnapshotFile(files, paths, manifest);
      for (const { path, sha256: written } of read.manifest.ledger) {
        if (sha256(await files.readBytes(paths.absolute(path))) !== written)
          throw new HakiriError('store.damaged', `${path} is not what was written`);
      }
      if (!known.has(snapshot)) {
        checks.push({
          name: 'snapshot',
          state: 'warning',
          message: `Snapshot ${snapshot} of ${table} is complete but not in the catalog`,
          hint: 'The next run or query takes it in.',
          path: manifest,
        });
      }
    } catch (error) {
      checks.push({ ...failed('snapshot', error), hint: REPAIR, path: manifest });
    }
  }
  const onDisk = new Set(found.flatMap(({ snapshot, manifest }) => (manifest ? [snapshot] : [])));
  for (const snapshot of known) {
    if (onDisk.has(snapshot)) continue;
    checks.push({
      name: 'snapshot',
      state: 'failed',
      message: `Snapshot ${snapshot} is in the catalog, its manifest is missing`,
      hint: REPAIR,
    });
  }
  return checks.length > 0 || known.size === 0
    ? checks
    : [
        {
          name: 'snapshots',
          state: 'ok',
          message: `${counted(known.size, 'snapshot')}, each with its manifest`,
        },
      ];
}

async function examineParts(options: StoreOptions, paths: Layout, catalog: Catalog): Promise<DoctorCheck[]> {
  const parts = (await catalog.tables()).flatMap(tableParts);
  const checks: DoctorCheck[] = [];
  for (const part of parts) {
    const fault = await partFault(options, paths.absolute(part.path), part);
    if (fault === undefined) continue;
    checks.push({
      name: 'part',
      state: 'failed',
      message: `${part.path} ${fault}`,
      hint: part.path.includes(`/${SNAPSHOT_PREFIX}`) ? REPAIR : RESTORE_RUN,
      path: part.path,
    });
  }
  return checks.length > 0
    ? checks
    : [
        {
          name: 'parts',
          state: 'ok',
          message: `${counted(parts.length, 'part')}, every hash and row count right`,
        },
      ];
}

async function examineSchemas(
  { files }: StoreOptions,
  paths: Layout,
  catalog: Catalog,
): Promise<DoctorCheck[]> {
  const checks: DoctorCheck[] = [];
  let count = 0;
  for (const table of await catalog.tables()) {
    const schemas = new Map(tableParts(table).map((part) => [part.schema, part.columns])).set(
      table.fingerprint,
      table.schema,
    );
    for (const [name, schema] of schemas) {
      count++;
      const path = paths.absolute(schemaFile(table.name, name));
      const text = (await files.stat(path)) ? await files.readText(path) : undefined;
      if (text === canonicalArrowJson(schema) && fingerprint(schema) === name) continue;
      checks.push({
        name: 'schema',
        state: 'failed',
        message: `Schema ${name} of ${table.name} is missing or changed`,
        path,
      });
    }
  }
  return checks.length > 0
    ? checks
    : [{ name: 'schemas', state: 'ok', message: `${counted(count, 'schema')}, each with its file` }];
}

async function examineViews(
  { files }: StoreOptions,
  paths: Layout,
  catalog: Catalog,
): Promise<DoctorCheck[]> {
  const stale = await staleViews(files, paths, catalog);
  if (stale.length === 0)
    return [{ name: 'views', state: 'ok', message: 'Every view is that of the last commit' }];
  return stale.map(({ name }) => ({
    name: 'view',
    state: 'warning',
    message: `views/${name}.sql is not that of the last commit`,
    hint: 'The next run writes it again.',
  }));
}

/** Nothing is wrong with them; whoever reads this may have forgotten them. */
async function examineBackups({ files }: StoreOptions, paths: Layout): Promise<DoctorCheck[]> {
  return (await listBackups({ files, paths })).map(({ format, path }) => ({
    name: 'backup',
    state: 'ok',
    message: `What an upgrade from format ${format} changed is kept`,
    hint: 'Its README.txt says how to go back; remove it once nobody needs to.',
    path,
  }));
}

function failed(name: string, error: unknown): DoctorCheck {
  const { message, hint } = toHakiriError(error);
  return { name, state: 'failed', message, hint };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
