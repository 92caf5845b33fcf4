import { join } from 'node:path';
import type { CatalogTable, Files, IndexSpec, TableName } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import type { IndexCheckAnswer, IndexCheckRequest } from './check-job.ts';
import { type IndexManifests, partsOf } from './coverage.ts';
import { indexId } from './definition.ts';
import { entryOf, indexFolder, indexManifestPath, ROWS_ID } from './index-manifest.ts';

/** A file of an index that is not what was written. */
export interface IndexFault {
  readonly table: TableName;
  /** By name; undefined for what all of the table's share. */
  readonly index: string | undefined;
  /** Absolute. */
  readonly path: string;
  /** In words: "is missing". */
  readonly fault: string;
}

export interface CheckContext {
  readonly engine: Pick<Engine, 'job'>;
  readonly files: Files;
  readonly manifests: IndexManifests;
  specsOf(table: TableName): readonly IndexSpec[];
  absolute(relative: string): string;
}

/** Reads every file that the indexes of the tables name. */
export async function checkFiles(
  context: CheckContext,
  tables: readonly CatalogTable[],
): Promise<readonly IndexFault[]> {
  const faults: IndexFault[] = [];
  for (const table of tables) {
    const specs = context.specsOf(table.name);
    if (specs.length === 0) continue;
    const ids = [ROWS_ID, ...specs.map(indexId)];
    for (const [i, id] of ids.entries()) {
      const index = specs[i - 1]?.name;
      for (const { path, fault } of await faultsOf(context, table, id)) {
        faults.push({ table: table.name, index, path, fault });
      }
    }
  }
  return faults;
}

async function faultsOf(
  { engine, files, manifests, absolute }: CheckContext,
  table: CatalogTable,
  id: string,
): Promise<readonly { readonly path: string; readonly fault: string }[]> {
  const unreadable = new Map<string, string>();
  const folders: { folder: string; files: IndexCheckRequest['folders'][number]['files'] }[] = [];
  for (const part of partsOf(table, absolute)) {
    const path = indexManifestPath(part.path, id);
    const manifest = await manifests.at(path);
    if (manifest === undefined && (await files.stat(path))) unreadable.set(path, 'cannot be read');
    const entry = entryOf(manifest, part.path);
    if (entry) folders.push({ folder: join(indexFolder(part.path, id)), files: entry.files });
  }
  const { faults } = await engine.job<IndexCheckAnswer>('index-check', { folders });
  return [...[...unreadable].map(([path, fault]) => ({ path, fault })), ...faults];
}
