import {
  type CatalogTable,
  type ColumnDescription,
  type Partitioning,
  type SnapshotSummary,
  type TableDescription,
  type TableSummary,
  tableParts,
  typeName,
} from '@hakiri/core';
import { nodeFiles, type Store, summarizeSmallWrites } from '@hakiri/store';

/** What the manifest says of a table for those who read it. */
export interface TableNotes {
  readonly description: string | undefined;
  readonly hints: ReadonlyMap<string, string>;
}

/** What the manifest says of how a table is kept, milliseconds. */
export interface TableKeeping {
  readonly retentionMs: number;
  readonly tombstoneRetentionMs: number;
}

export async function summarizeTable(
  store: Store,
  table: CatalogTable,
  notes: TableNotes | undefined,
): Promise<TableSummary> {
  const parts = tableParts(table);
  const small = await summarizeSmallWrites(store, nodeFiles, table);
  return {
    name: table.name,
    description: notes?.description,
    storedRows: parts.reduce((sum, { rows }) => sum + rows, 0) + small.rows,
    parts: parts.length,
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0) + small.bytes,
    lastCommit:
      small.lastCommit !== undefined && small.lastCommit > table.lastCommit
        ? small.lastCommit
        : table.lastCommit,
    snapshot: table.snapshot && snapshotSummary(table.snapshot.manifest),
    runsBeside: new Set(table.newer.map(({ run }) => run)).size,
    smallWrites: small.rows,
  };
}

/** @param rows that the view has now */
export async function describeTable(
  store: Store,
  table: CatalogTable,
  rows: number,
  notes: TableNotes | undefined,
  keeping: TableKeeping,
): Promise<TableDescription> {
  const { catalog } = store;
  const history = await catalog.schemaHistory(table.name);
  const collected = await catalog.collectedRuns(table.name);
  return {
    ...(await summarizeTable(store, table, notes)),
    rows,
    mode: table.mode,
    primaryKey: table.primaryKey,
    incremental: table.incremental ?? undefined,
    subjectColumns: table.subjectColumns,
    columns: table.schema.columns.map(
      (column): ColumnDescription => ({
        name: column.name,
        type: typeName(column.type),
        key: table.primaryKey.includes(column.name),
        hint: notes?.hints.get(column.name),
      }),
    ),
    pipelines: table.pipelines,
    schemaHistory: history.map(({ fingerprint, at, changes }) => ({ fingerprint, since: at, changes })),
    quarantined: table.setAside,
    past: {
      runs: (await catalog.runs(table.name)).filter(({ run }) => !collected.has(run)).length,
      snapshots: (await catalog.snapshots(table.name)).length,
    },
    ...keeping,
    indexes: [],
    examples: [],
    partitions: table.snapshot?.manifest.partitions.map(({ partition }) => partition) ?? [],
    ageMs: Math.max(0, Date.now() - Date.parse(table.lastCommit)),
  };
}

function snapshotSummary(manifest: NonNullable<CatalogTable['snapshot']>['manifest']): SnapshotSummary {
  return {
    id: manifest.snapshot,
    createdAt: manifest.created_at,
    rows: manifest.rows,
    tombstones: manifest.tombstones,
    partitions: manifest.partitions.length,
    partitionedBy: manifest.partitioning === null ? undefined : inWords(manifest.partitioning),
  };
}

function inWords(partitioning: Partitioning): string {
  return partitioning.kind === 'by'
    ? partitioning.column
    : `the last ${partitioning.days} days of ${partitioning.column}`;
}
