import { statSync } from 'node:fs';
import type { AppliedPolicy, CatalogTable, Freshness } from '@hakiri/core';
import type { Store } from '@hakiri/store';
import type { ServedTable } from '../query/session.ts';
import type { ServeParts } from './parts.ts';
import type { SearchServices } from './search-services.ts';
import { visibleIndexes } from './visible-indexes.ts';

/** What was done to columns of the tables that were read. */
export function appliedPolicy(tables: readonly ServedTable[]): AppliedPolicy {
  return {
    columns: tables.flatMap(({ table, seen }) => seen.acted.map((one) => ({ table: table.name, ...one }))),
  };
}

/** How old what was read is, by table. How far indexes are behind counts rows: told where all of them are seen. */
export async function freshnessOf(
  { store, search }: Pick<ServeParts, 'store' | 'search'>,
  tables: readonly ServedTable[],
): Promise<readonly Freshness[]> {
  return Promise.all(
    tables.map(async ({ table, seen }) => {
      const lastCommit = lastCommitOf(store, table);
      return {
        table: table.name,
        lastCommit,
        ageMs: Math.max(0, Date.now() - Date.parse(lastCommit)),
        indexes:
          search === undefined ? [] : indexFreshness(await search.behind(table), { table, seen }, search),
      };
    }),
  );
}

/** Of the indexes that the grant knows of. */
export function indexFreshness(
  behind: readonly { readonly name: string; readonly rowsBehind?: number }[],
  { table, seen }: ServedTable,
  search: Pick<SearchServices, 'indexes'>,
): Freshness['indexes'] {
  if (seen.isWhole) return behind;
  const visible = new Set(
    visibleIndexes(search.indexes(table.name), table.schema, seen).map(({ name }) => name),
  );
  return behind.flatMap(({ name }) => (visible.has(name) ? [{ name }] : []));
}

/** Small writes included: their file was last changed by the last of them. */
export function lastCommitOf({ paths }: Pick<Store, 'paths'>, { lastCommit, deltas }: CatalogTable): string {
  return deltas.reduce((latest, { path, until }) => {
    const written = until ?? changedAt(paths.absolute(path));
    return written !== undefined && written > latest ? written : latest;
  }, lastCommit);
}

function changedAt(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtime.toISOString();
}
