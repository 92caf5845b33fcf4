import { type CatalogTable, greaterOrder } from '@hakiri/core';
import type { StoreContext } from '../store-context.ts';
import { readDelta } from './delta-file.ts';

/** The greatest order of a table, rows that are in no run yet included, whoever wrote them. */
export async function greatestOrder(
  { files, paths }: Pick<StoreContext, 'files' | 'paths'>,
  table: Pick<CatalogTable, 'greatestOrder' | 'deltas'>,
): Promise<string | null> {
  let order = table.greatestOrder;
  for (const { path } of table.deltas) {
    const { commits } = await readDelta(files, paths.absolute(path));
    for (const { rows } of commits) for (const row of rows) order = greaterOrder(order, row._hakiri_order);
  }
  return order;
}
