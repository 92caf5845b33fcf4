import { type Catalog, isHakiriError, type TableName } from '@hakiri/core';
import { type Compacted, compactTable } from './compact/compact-table.ts';
import { type Collected, collectGarbage } from './gc/collect-garbage.ts';
import type { LockOptions, StoreOptions } from './open-context.ts';
import { openMaintenance } from './open-maintenance.ts';

export interface MaintenanceRequest {
  /** All of them when undefined. */
  readonly tables?: readonly TableName[] | undefined;
}

export interface CompactRequest extends MaintenanceRequest {
  /** Called before a table is merged. */
  readonly onTable?: (name: TableName) => void;
  /** No other table is begun once it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Merges the runs of tables into snapshots. Runs and queries go on meanwhile.
 * @throws HakiriError store.not_found, store.compacting
 */
export function compactStore(
  options: StoreOptions,
  lock: LockOptions,
  { tables, onTable = () => {}, signal }: CompactRequest,
): Promise<readonly Compacted[]> {
  return openMaintenance(options, lock, async (context) => {
    const done: Compacted[] = [];
    for (const name of tables ?? (await tableNames(context.catalog))) {
      if (signal?.aborted) break;
      const compacted = await compactTable(context, name, 'asked', () => onTable(name));
      if (compacted) done.push(compacted);
    }
    return done;
  });
}

/**
 * What is done after a run: merges where it pays, and collects. Does nothing while another process does either.
 * @throws HakiriError store.not_found
 */
export async function tidyStore(
  options: StoreOptions,
  lock: LockOptions,
  { onTable = () => {}, signal }: Omit<CompactRequest, 'tables'>,
): Promise<readonly Compacted[]> {
  try {
    return await openMaintenance(options, lock, async (context) => {
      const done: Compacted[] = [];
      for (const name of await tableNames(context.catalog)) {
        if (signal?.aborted) break;
        const compacted = await compactTable(context, name, 'due', () => onTable(name));
        if (compacted) done.push(compacted);
        await collectGarbage(context, name);
      }
      return done;
    });
  } catch (error) {
    if (isHakiriError(error) && error.code === 'store.compacting') return [];
    throw error;
  }
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
