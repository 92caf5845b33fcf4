import { statSync } from 'node:fs';
import type { AppliedPolicy, CatalogTable, Freshness } from '@hakiri/core';
import type { Store } from '@hakiri/store';
import type { ServeParts } from './parts.ts';

/** Nothing is withheld from the owner. */
export const NO_POLICY: AppliedPolicy = { columns: [] };

/** How old what was read is, by table. */
export async function freshnessOf(
  { store, search }: Pick<ServeParts, 'store' | 'search'>,
  tables: readonly CatalogTable[],
): Promise<readonly Freshness[]> {
  return Promise.all(
    tables.map(async (table) => {
      const lastCommit = lastCommitOf(store, table);
      return {
        table: table.name,
        lastCommit,
        ageMs: Math.max(0, Date.now() - Date.parse(lastCommit)),
        indexes: (await search?.behind(table)) ?? [],
      };
    }),
  );
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
