import { dirname } from 'node:path';
import {
  type CatalogPart,
  type CatalogTable,
  firstRunIdOf,
  greaterOrder,
  HakiriError,
  type PartEntry,
  type Partitioning,
  type RunId,
  type RunManifest,
  type SchemaFingerprint,
  type SnapshotId,
  type SnapshotManifest,
  type SnapshotPartition,
  type TableName,
  type TableSchema,
  tableParts,
  ulidTimeMs,
} from '@hakiri/core';
import type { CompactPartitioning, CompactResult } from '@hakiri/engine';
import { countBack } from '../commit/count-back.ts';
import { fingerprint } from '../commit/fingerprint.ts';
import { writeSchemas } from '../commit/write-schemas.ts';
import { syncUpTo, writeDurably } from '../disk/durable.ts';
import { MANIFEST_NAME, snapshotFolder } from '../disk/layout.ts';
import { sidecarTable } from '../sidecar-table.ts';
import type { StoreContext } from '../store-context.ts';
import { isCompactionDue, isCutOtherwise, recentBoundary } from './compaction-due.ts';
import { writeLedger } from './ledger.ts';
import { snapshotIdAfter } from './snapshot-id.ts';

/** Sorted in memory, a part at a time. */
const PART_ROWS = 1_000_000;
/** The engine's own; with the process around it the child stays under 256 MB. */
const MEMORY_BYTES = 150_000_000;
/** A value with fewer rows shares `_mixed` with others. */
const OWN_PARTITION_ROWS = 1000;
const MAX_PARTITIONS = 1000;

export interface Compacted {
  readonly table: TableName;
  readonly snapshot: SnapshotId;
  /** Runs merged. */
  readonly runs: number;
  /** Of the snapshot, tombstones included. */
  readonly rows: number;
  readonly partitions: number;
  readonly rewritten: number;
  /** Files and bytes that the table's view reads, before and after. */
  readonly before: { readonly parts: number; readonly bytes: number };
  readonly after: { readonly parts: number; readonly bytes: number };
}

/**
 * Merges a table's runs into a new snapshot. Nothing that a run or a query needs is touched: the snapshot is
 * there once its manifest is, and what it supersedes stays until it is collected. Only for the holder of the
 * compaction lock.
 * @param when `due` leaves a table alone that has little beside its snapshot
 * @returns undefined when there was nothing to do
 */
export async function compactTable(
  context: StoreContext,
  name: TableName,
  when: 'due' | 'asked',
  onStart: () => void = () => {},
): Promise<Compacted | undefined> {
  const { catalog, clock, files, node, paths } = context;
  // What is merged is read once: a run that is committed meanwhile stays beside the new snapshot.
  const runs = await catalog.uncovered(name);
  const table = await catalog.table(name);
  if (!table) return undefined;
  const settings = context.settings(name);
  const parent = table.snapshot?.manifest;
  const boundary = recentBoundary(settings.partitioning, parent, clock.nowMs());
  const cutOtherwise = isCutOtherwise(parent, settings);
  const moved = parent !== undefined && boundary !== parent.boundary;
  const wanted = when === 'asked' ? runs.length > 0 : isCompactionDue(table);
  if (!wanted && !cutOtherwise && !moved) return undefined;
  onStart();

  const snapshot = snapshotIdAfter(parent?.snapshot ?? null, clock.nowMs(), node);
  const folder = snapshotFolder(name, snapshot);
  // Small writes that are not folded yet become runs that nothing covers: they must not be too old by then.
  const oldest = table.deltas.map(({ run }) => ulidTimeMs(run));
  const horizon = horizonAt(Math.min(clock.nowMs() - settings.tombstoneRetentionMs, ...oldest), parent);
  await files.makeFolder(paths.absolute(folder));
  try {
    const result = await merge(context, { table, runs, horizon, boundary, cutOtherwise, folder });
    const held = heldColumns(table.schema);
    const written = writtenPartitions(folder, result, fingerprint(held));
    const schemas = new Map<SchemaFingerprint, TableSchema>([
      [table.fingerprint, table.schema],
      [fingerprint(held), held],
    ]);
    await makeDurable(
      context,
      folder,
      written.flatMap(({ parts }) => parts),
    );
    const unchanged = new Set(result.unchanged);
    await context.sidecars?.forSnapshot(
      sidecarTable(table),
      written.flatMap(({ parts }) => parts.map((part) => ({ ...part, columns: held }))),
      mergedParts(table, unchanged),
    );
    await writeSchemas(context, name, schemas);
    const partitions = [
      ...written.filter(({ parts }) => parts.length > 0),
      ...(parent?.partitions ?? []).filter(({ partition }) => unchanged.has(partition)),
    ].sort((a, b) => (a.partition < b.partition ? -1 : 1));
    const parts = partitions.flatMap((partition) => partition.parts);
    const { ledger, dropped } = await writeLedger(context, {
      table: name,
      snapshot,
      covered: runs,
      parent,
      parts,
      horizon,
    });
    const manifest: SnapshotManifest = {
      format: 1,
      snapshot,
      node,
      table: name,
      parent: parent?.snapshot ?? null,
      mode: table.mode,
      primary_key: table.primaryKey,
      incremental: table.incremental,
      subject_columns: table.subjectColumns,
      partitioning: settings.partitioning ?? null,
      boundary,
      covers: await coveredRuns(context, name, runs, parent, horizon),
      horizon,
      schema: table.fingerprint,
      greatest_order: greaterOrder(result.greatestOrder, parent?.greatest_order ?? null),
      partitions,
      ledger,
      rows: partitions.reduce((sum, { rows }) => sum + rows, 0),
      tombstones: partitions.reduce((sum, { tombstones }) => sum + tombstones, 0),
      created_at: new Date(clock.nowMs()).toISOString(),
    };
    await writeDurably(
      files,
      paths.absolute(`${folder}/${MANIFEST_NAME}`),
      `${JSON.stringify(manifest, null, 2)}\n`,
    );
    // From here on the snapshot is there: a crash now is mended by adopting its manifest.
    await catalog.commitSnapshot(manifest, schemas);
    if (dropped.length > 0) await catalog.drop(dropped);
    await context.published(table);
    return {
      table: name,
      snapshot,
      runs: runs.length,
      rows: manifest.rows,
      partitions: partitions.length,
      rewritten: written.length,
      before: sizeOf(tableParts(table)),
      after: sizeOf(parts),
    };
  } catch (error) {
    await giveBack(context, folder);
    throw error;
  }
}

/** Every part that a row of a written one can be from. */
function mergedParts(table: CatalogTable, unchanged: ReadonlySet<string>): readonly CatalogPart[] {
  const carried = new Set(
    (table.snapshot?.manifest.partitions ?? [])
      .filter(({ partition }) => unchanged.has(partition))
      .flatMap(({ parts }) => parts.map(({ path }) => path)),
  );
  return tableParts(table).filter(({ path }) => !carried.has(path));
}

interface Merge {
  readonly table: CatalogTable;
  readonly runs: readonly RunManifest[];
  readonly horizon: string;
  readonly boundary: string | null;
  readonly cutOtherwise: boolean;
  /** Relative. */
  readonly folder: string;
}

async function merge(context: StoreContext, { table, runs, ...how }: Merge): Promise<CompactResult> {
  const { engine, paths } = context;
  const parent = table.snapshot;
  const partitionOf = new Map(
    (parent?.manifest.partitions ?? []).flatMap((partition) =>
      partition.parts.map(({ path }) => [path, partition] as const),
    ),
  );
  const columnsOf = new Map(tableParts(table).map(({ schema, columns }) => [schema, columns]));
  const isDirty = how.boundary !== (parent?.manifest.boundary ?? null);
  return engine.compact({
    base: (parent?.parts ?? []).map((part) => {
      const { partition = '', columns: statistics = {} } = partitionOf.get(part.path) ?? {};
      return {
        path: paths.absolute(part.path),
        columns: part.columns,
        rows: part.rows,
        partition,
        keyBounds: Object.fromEntries(
          Object.entries(statistics).filter(([name]) => table.primaryKey.includes(name)),
        ),
      };
    }),
    newer: runs.flatMap(({ parts }) =>
      parts.map(({ path, rows, schema }) => {
        const columns = columnsOf.get(schema);
        if (!columns) throw new HakiriError('store.damaged', `The schema of ${path} is missing`);
        return { path: paths.absolute(path), columns, rows };
      }),
    ),
    schema: heldColumns(table.schema),
    primaryKey: table.mode === 'append' ? [] : table.primaryKey,
    dropTombstonesBefore: firstRunIdOf(Date.parse(how.horizon)),
    partitioning: cut(context.settings(table.name).partitioning, how.boundary, isDirty),
    rewriteAll: how.cutOtherwise,
    output: paths.absolute(how.folder),
    targetPartRows: PART_ROWS,
    memoryLimitBytes: MEMORY_BYTES,
  });
}

function cut(
  partitioning: Partitioning | undefined,
  boundary: string | null,
  dirty: boolean,
): CompactPartitioning | null {
  if (partitioning === undefined) return null;
  const { kind, column } = partitioning;
  if (kind === 'by') return { kind, column, minRows: OWN_PARTITION_ROWS, maxPartitions: MAX_PARTITIONS };
  const label = `recent_${partitioning.days}d`;
  return { kind, column, label, boundary: boundary ?? '', dirty };
}

/** A column that was only null so far is in no file. */
function heldColumns({ columns }: TableSchema): TableSchema {
  return { columns: columns.filter(({ type }) => type.kind !== 'undecided') };
}

/** Time never goes back: what an older snapshot has forgotten, no newer one remembers. */
function horizonAt(ms: number, parent: SnapshotManifest | undefined): string {
  const time = new Date(Math.max(0, ms)).toISOString();
  return parent !== undefined && parent.horizon > time ? parent.horizon : time;
}

function writtenPartitions(
  folder: string,
  { partitions }: CompactResult,
  schema: SchemaFingerprint,
): readonly SnapshotPartition[] {
  return partitions.map(({ parts, ...partition }) => ({
    ...partition,
    parts: parts.map(({ file, keyRange, ...part }) => ({
      path: `${folder}/${file}`,
      ...part,
      schema,
      ...(keyRange === null ? {} : { key_range: keyRange }),
    })),
  }));
}

async function makeDurable(
  context: StoreContext,
  folder: string,
  parts: readonly PartEntry[],
): Promise<void> {
  const { files, paths } = context;
  for (const { path } of parts) await files.sync(paths.absolute(path));
  for (const part of parts) await countBack(context, part);
  const folders = new Set(parts.map(({ path }) => dirname(path)));
  for (const path of folders) await files.syncFolder(paths.absolute(path));
  await syncUpTo(files, paths.absolute(folder), paths.context);
}

/** Runs from before the horizon are named only while their files are there: afterwards they are refused anyway. */
async function coveredRuns(
  { catalog }: StoreContext,
  table: TableName,
  runs: readonly RunManifest[],
  parent: SnapshotManifest | undefined,
  horizon: string,
): Promise<readonly RunId[]> {
  const collected = await catalog.collectedRuns(table);
  const since = Date.parse(horizon);
  const kept = (parent?.covers ?? []).filter((run) => ulidTimeMs(run) >= since || !collected.has(run));
  return [...kept, ...runs.map(({ run }) => run)].sort();
}

/** The space of a snapshot that failed; what cannot be removed now is swept later. */
async function giveBack({ files, paths }: StoreContext, folder: string): Promise<void> {
  try {
    if (await files.stat(paths.absolute(`${folder}/${MANIFEST_NAME}`))) return;
    await files.removeTree(paths.absolute(folder));
  } catch {
    // The disk that failed may fail again: what is left belongs to nobody.
  }
}

function sizeOf(parts: readonly PartEntry[]): { readonly parts: number; readonly bytes: number } {
  return { parts: parts.length, bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0) };
}
