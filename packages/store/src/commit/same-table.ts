import { type CatalogTable, HakiriError, type TableTarget } from '@hakiri/core';

/**
 * What decides which rows count, and which of two is newer, is settled with the first commit: order keys made from
 * another column, or from none, do not compare with those that are there.
 */
export function requireSameTable(
  table: CatalogTable,
  target: Pick<TableTarget, 'table' | 'primaryKey' | 'mode' | 'incremental'>,
): void {
  const have = settled(table.primaryKey, table.mode, table.incremental ?? undefined);
  const wanted = settled(target.primaryKey, target.mode, target.incremental);
  const at = have.findIndex((said, i) => said !== wanted[i]);
  if (at === -1) return;
  throw new HakiriError(
    'manifest.table_conflict',
    `Table ${target.table} has ${have[at]}, the manifest says ${wanted[at]}`,
    { hint: 'Put it back as it was, or give the table another name.' },
  );
}

function settled(key: readonly string[], mode: string, incremental: string | undefined): readonly string[] {
  return [
    `the key (${key.join(', ')})`,
    `the mode ${mode}`,
    incremental === undefined ? 'no incremental column' : `the incremental column ${incremental}`,
  ];
}
