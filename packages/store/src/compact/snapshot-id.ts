import type { NodeId, SnapshotId } from '@hakiri/core';

const TIME_LENGTH = '2026-11-01T00-00-00.000Z'.length;

/** A snapshot's name; greater than that of its parent, whatever the clock says. */
export function snapshotIdAfter(parent: SnapshotId | null, nowMs: number, node: NodeId): SnapshotId {
  const ms = parent === null ? nowMs : Math.max(nowMs, snapshotTimeMs(parent) + 1);
  return `${new Date(ms).toISOString().replaceAll(':', '-')}-${node}` as SnapshotId;
}

/** Milliseconds since 1970 in a snapshot's name. */
export function snapshotTimeMs(snapshot: SnapshotId): number {
  const [date = '', time = ''] = snapshot.slice(0, TIME_LENGTH).split('T');
  return Date.parse(`${date}T${time.replace(/-/g, ':')}`);
}
