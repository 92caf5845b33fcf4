import { HakiriError } from '@hakiri/core';
import type { Connection } from './connection.ts';
import type { IndexedTable } from './indexed-table.ts';
import type { OpenedTable } from './opened-table.ts';

/**
 * Opens what a search in the table needs; what is open already is used again. In the reader's child only.
 * @throws HakiriError store.io
 */
export async function openTable(_connection: Connection, _table: IndexedTable): Promise<OpenedTable> {
  throw new HakiriError('internal', 'Indexes cannot be opened yet');
}
