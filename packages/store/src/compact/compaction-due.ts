import type { CatalogTable, Partitioning, SnapshotManifest } from '@hakiri/core';
import type { TableSettings } from '../store-context.ts';

/** Runs beside the snapshot past which reads get slower. */
const MAX_RUNS = 16;
/** Below this much, a share of the snapshot does not count. */
const MIN_BYTES = 64 * 1024 * 1024;
const DAY_MS = 86_400_000;

/** Whether so much lies beside the snapshot that merging it pays. */
export function isCompactionDue(table: CatalogTable): boolean {
  const runs = new Set(table.newer.map(({ run }) => run)).size;
  const bytes = table.newer.reduce((sum, part) => sum + part.bytes, 0);
  const merged = (table.snapshot?.parts ?? []).reduce((sum, part) => sum + part.bytes, 0);
  return runs >= MAX_RUNS || bytes >= Math.max(MIN_BYTES, merged / 4);
}

/** Whether the snapshot is cut otherwise than the manifest asks for. */
export function isCutOtherwise(
  parent: SnapshotManifest | undefined,
  { partitioning }: TableSettings,
): boolean {
  return parent !== undefined && JSON.stringify(parent.partitioning) !== JSON.stringify(partitioning ?? null);
}

/**
 * Where `recent` ends: a UTC midnight that moves in steps of a tenth of the window, since each step rewrites both
 * partitions. Never backwards.
 */
export function recentBoundary(
  partitioning: Partitioning | undefined,
  parent: SnapshotManifest | undefined,
  nowMs: number,
): string | null {
  if (partitioning?.kind !== 'recent') return null;
  const wanted = Math.floor((nowMs - partitioning.days * DAY_MS) / DAY_MS) * DAY_MS;
  const before = parent?.boundary ?? null;
  const step = Math.max(1, Math.floor(partitioning.days / 10)) * DAY_MS;
  if (before !== null && wanted - Date.parse(before) < step) return before;
  return new Date(wanted).toISOString();
}
