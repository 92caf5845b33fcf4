import type { Files, RunId, TableName } from '@hakiri/core';
import type { Layout } from '../disk/layout.ts';

export interface FoundDelta {
  readonly table: TableName;
  readonly run: RunId;
  /** Absolute. */
  readonly path: string;
}

/** Every file of small writes on the disk, oldest first. */
export async function findDeltas(files: Files, paths: Layout): Promise<readonly FoundDelta[]> {
  const found: FoundDelta[] = [];
  for (const table of await files.list(paths.tables)) {
    const deltas = `${paths.tables}/${table.name}/data/delta`;
    for (const node of await files.list(deltas)) {
      for (const { name } of await files.list(`${deltas}/${node.name}`)) {
        if (!name.endsWith('.ndjson')) continue;
        const run = name.slice(0, -'.ndjson'.length) as RunId;
        found.push({ table: table.name as TableName, run, path: `${deltas}/${node.name}/${name}` });
      }
    }
  }
  return found.sort((a, b) => (a.run < b.run ? -1 : 1));
}
