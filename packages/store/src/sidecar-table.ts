import type { CatalogTable, SidecarTable } from '@hakiri/core';

/** In a table where every row counts, a row is told by run and sequence, whatever key was declared. */
export function sidecarTable({
  name,
  mode,
  primaryKey,
  schema,
}: Pick<CatalogTable, 'name' | 'mode' | 'primaryKey' | 'schema'>): SidecarTable {
  return { name, primaryKey: mode === 'append' ? [] : primaryKey, schema };
}
