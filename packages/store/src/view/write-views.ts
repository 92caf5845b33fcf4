import type { Catalog, CatalogTable, Files, TableName } from '@hakiri/core';
import { writeDurably } from '../disk/durable.ts';
import { type Layout, viewFile } from '../disk/layout.ts';
import { withMomentLock } from '../disk/writer-lock.ts';
import type { StoreContext } from '../store-context.ts';
import { viewStatement } from './view-sql.ts';

/** What `views/<table>.sql` holds: paths relative to the folder that the comment names. */
function viewFileText(table: CatalogTable): string {
  return `-- Table ${table.name}, one row a key, as of ${table.lastCommit}. Written by Hakiri at each commit.
-- Run the duckdb CLI from the folder above this one: duckdb -c ".read ${viewFile(table.name)}" -c "FROM ${table.name}"
${viewStatement(table, { path: (relative) => relative, provenance: true })}`;
}

/**
 * Writes the view as the catalog has it now. Reading and writing are one step under a lock: whoever commits beside
 * us, the last view written is the newest.
 */
export async function writeView(
  { files, clock, paths, catalog }: Pick<StoreContext, 'files' | 'clock' | 'paths' | 'catalog'>,
  name: TableName,
): Promise<CatalogTable | undefined> {
  return withMomentLock(paths.publishLock, { files, clock }, async () => {
    const table = await catalog.table(name);
    if (!table) return undefined;
    await files.makeFolder(paths.views);
    await writeDurably(files, paths.absolute(viewFile(name)), viewFileText(table));
    return table;
  });
}

/** Tables whose view on the disk is not what the catalog says: a crash came between the two. */
export async function staleViews(
  files: Files,
  paths: Layout,
  catalog: Catalog,
): Promise<readonly CatalogTable[]> {
  const stale: CatalogTable[] = [];
  for (const table of await catalog.tables()) {
    const path = paths.absolute(viewFile(table.name));
    const text = (await files.stat(path)) ? await files.readText(path) : undefined;
    if (text !== viewFileText(table)) stale.push(table);
  }
  return stale;
}
