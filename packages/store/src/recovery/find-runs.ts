import type { Files, RunId, TableName } from '@hakiri/core';
import { type Layout, MANIFEST_NAME } from '../disk/layout.ts';

export interface FoundRun {
  readonly table: TableName;
  readonly run: RunId;
  readonly node: string;
  /** Absolute. */
  readonly folder: string;
  /** Absolute; undefined when the run was never committed. */
  readonly manifest: string | undefined;
}

/** Every run's folder on the disk, oldest first. `skip` leaves out runs that need no look inside. */
export async function findRuns(
  files: Files,
  paths: Layout,
  skip: (run: RunId) => boolean = () => false,
): Promise<readonly FoundRun[]> {
  const found: FoundRun[] = [];
  for (const table of await files.list(paths.tables)) {
    const runs = paths.absolute(`tables/${table.name}/data/runs`);
    for (const run of await files.list(runs)) {
      if (skip(run.name as RunId)) continue;
      for (const node of await files.list(`${runs}/${run.name}`)) {
        const folder = `${runs}/${run.name}/${node.name}`;
        const names = (await files.list(folder)).map(({ name }) => name);
        found.push({
          table: table.name as TableName,
          run: run.name as RunId,
          node: node.name,
          folder,
          manifest: names.includes(MANIFEST_NAME) ? `${folder}/${MANIFEST_NAME}` : undefined,
        });
      }
    }
  }
  return found.sort((a, b) => (a.run < b.run ? -1 : 1));
}
