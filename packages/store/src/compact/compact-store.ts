import type { Catalog, TableName } from '@hakiri/core';
import { type Collected, collectGarbage } from '../gc/collect-garbage.ts';
import { type LockOptions, openMaintenance, type StoreOptions } from '../store.ts';
import { type Compacted, compactTable } from './compact-table.ts';

export interface MaintenanceRequest {
  /** All of them when undefined. */
  readonly tables?: readonly TableName[] | undefined;
}

/**
 * Merges the runs of tables into snapshots. Runs and queries go on meanwhile.
 * @throws HakiriError store.not_found, store.compacting
 */
export function compactStore(
  options: StoreOptions,
  lock: LockOptions,
  { tables, onTable }: MaintenanceRequest & { readonly onTable?: (name: TableName) => void },
): Promise<readonly Compacted[]> {
  return openMaintenance(options, lock, async (context) => {
    const done: Compacted[] = [];
    for (const name of tables ?? (await tableNames(context.catalog))) {
      onTable?.(name);
      const compacted = await compactTable(context, name, 'asked');
      if (compacted) done.push(compacted);
    }
    return done;
  });
}

/**
 * Removes files that nothing within the retention needs.
 * @throws HakiriError store.not_found, store.compacting
 */
export function collectStore(
  options: StoreOptions,
  lock: LockOptions,
  { tables }: MaintenanceRequest,
): Promise<readonly Collected[]> {
  return openMaintenance(options, lock, async (context) => {
    const done: Collected[] = [];
    for (const name of tables ?? (await tableNames(context.catalog))) {
      done.push(await collectGarbage(context, name));
    }
    return done;
  });
}

async function tableNames(catalog: Catalog): Promise<readonly TableName[]> {
  return (await catalog.tables()).map(({ name }) => name);
}
