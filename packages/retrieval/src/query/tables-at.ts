import { type AsOf, type CatalogTable, isHakiriError, type TableName } from '@hakiri/core';
import type { Store } from '@hakiri/store';

/** The tables of a store at one moment. */
export interface TablesAt {
  readonly tables: readonly CatalogTable[];
  /** Those whose files of then are collected, with the error for whoever asks for one. */
  readonly gone: ReadonlyMap<TableName, Error>;
}

/**
 * The tables as they were; those that did not exist are not there. One that is no longer kept spoils no query that
 * does without it.
 * @throws HakiriError usage.unknown_name for a run that does not exist, usage.argument
 */
export async function tablesAt({ catalog }: Store, asOf: AsOf): Promise<TablesAt> {
  const tables: CatalogTable[] = [];
  const gone = new Map<TableName, Error>();
  for (const { name } of await catalog.tables()) {
    try {
      const table = await catalog.tableAsOf(name, asOf);
      if (table) tables.push(table);
    } catch (error) {
      if (!isHakiriError(error) || error.code !== 'query.as_of_gone') throw error;
      gone.set(name, error);
    }
  }
  return { tables, gone };
}
