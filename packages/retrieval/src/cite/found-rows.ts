import type { CatalogTable, JsonValue, RunId } from '@hakiri/core';
import type { Store } from '@hakiri/store';
import { type CitedRow, keyColumns, valueAt } from './citations.ts';

/** A row of which is known where it was written. */
export interface PlacedRow {
  /** Of a table with a key. */
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
  table: CatalogTable,
  placed: readonly PlacedRow[],
): Promise<readonly CitedRow[]> {
  const isKeyed = keyColumns(table) === table.primaryKey;
  const keyOf = ({ key, run, seq }: PlacedRow): readonly JsonValue[] => (isKeyed ? key : [run, seq]);
  const { incremental } = table;
  const isLookedUp =
    incremental !== null && placed.length > 0 && (await catalog.table(table.name)) !== undefined;
  const found = isLookedUp ? await rows(table.name, placed.map(keyOf)) : [];
  return placed.map((row, i) => {
    const now = found[i];
    const isSame = now !== undefined && now.run === row.run && now.seq === row.seq;
    return {
      key: keyOf(row),
      run: row.run as RunId,
      incremental: isSame && incremental !== null ? valueAt(now.values, incremental) : undefined,
    };
  });
}
