import type { CatalogTable, JsonValue, RunId } from '@hakiri/core';
import type { Store } from '@hakiri/store';
import type { ServedTable } from '../query/session.ts';
import { type CitedRow, isKeyed, toldKey, valueAt } from './citations.ts';
import type { RowNames } from './row-names.ts';

/** A row of which is known where it was written. */
export interface PlacedRow {
  /** Of a table with a key; behind it what `renamedKeyColumns` names. */
  readonly key: readonly JsonValue[];
  readonly run: string;
  readonly seq: number;
}

/**
 * Rows as citations need them. The value of the incremental column is that of the row as it is now; where the row
 * has changed since, its commit must do.
 */
export async function foundRows(
  { rows, catalog }: Pick<Store, 'rows' | 'catalog'>,
  served: ServedTable,
  placed: readonly PlacedRow[],
  names: RowNames | undefined,
): Promise<readonly CitedRow[]> {
  const { table } = served;
  const keys = isKeyed(table) ? table.primaryKey.length : 0;
  const keyOf = (row: PlacedRow): readonly JsonValue[] => storeKey(table, row);
  const { incremental } = table;
  const isLookedUp =
    incremental !== null && placed.length > 0 && (await catalog.table(table.name)) !== undefined;
  const found = isLookedUp ? await rows(table.name, placed.map(keyOf)) : [];
  return placed.map((row, i) => {
    const now = found[i];
    const isSame = now !== undefined && now.run === row.run && now.seq === row.seq;
    const told = toldKey(served, row, row.key.slice(keys), names);
    return {
      key: keyOf(row),
      ...(told === undefined ? {} : { told }),
      run: row.run as RunId,
      incremental: isSame && incremental !== null ? valueAt(now.values, incremental) : undefined,
    };
  });
}

/** How the store knows it. */
export function storeKey(table: CatalogTable, { key, run, seq }: PlacedRow): readonly JsonValue[] {
  return isKeyed(table) ? key.slice(0, table.primaryKey.length) : [run, seq];
}
