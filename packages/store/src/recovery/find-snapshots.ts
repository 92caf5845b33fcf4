import type { Files, SnapshotId, TableName } from '@hakiri/core';
import { type Layout, MANIFEST_NAME, SNAPSHOT_PREFIX } from '../disk/layout.ts';

export interface FoundSnapshot {
  readonly table: TableName;
  readonly snapshot: SnapshotId;
  /** Absolute. */
  readonly folder: string;
  /** Absolute; undefined when it was never published, or is being collected. */
  readonly manifest: string | undefined;
}

/** Every snapshot's folder on the disk, oldest first. `skip` leaves out those that need no look inside. */
export async function findSnapshots(
  files: Files,
  paths: Layout,
  skip: (snapshot: SnapshotId) => boolean = () => false,
): Promise<readonly FoundSnapshot[]> {
  const found: FoundSnapshot[] = [];
  for (const table of await files.list(paths.tables)) {
    const data = `${paths.tables}/${table.name}/data`;
    for (const { name } of await files.list(data)) {
      const snapshot = name.slice(SNAPSHOT_PREFIX.length) as SnapshotId;
      if (!name.startsWith(SNAPSHOT_PREFIX) || skip(snapshot)) continue;
      const folder = `${data}/${name}`;
      const isWhole = (await files.stat(`${folder}/${MANIFEST_NAME}`)) !== undefined;
      found.push({
        table: table.name as TableName,
        snapshot,
        folder,
        manifest: isWhole ? `${folder}/${MANIFEST_NAME}` : undefined,
      });
    }
  }
  return found.sort((a, b) => (a.snapshot < b.snapshot ? -1 : 1));
}
