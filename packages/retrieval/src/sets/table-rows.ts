import { HakiriError } from '@hakiri/core';
import type { Connection } from '../indexes/connection.ts';
import type { OpenedTable, TableRows } from '../indexes/opened-table.ts';
import type { AllowedRows } from '../search/request.ts';

/** Rows of the table as of its version. Memoised. */
export async function aliveRows(_connection: Connection, _opened: OpenedTable): Promise<TableRows> {
  throw new HakiriError('internal', 'Sets cannot be made yet');
}

/**
 * Alive rows that may be found; the very object that `aliveRows` gives where nothing is kept from the grant. Memoised
 * by version, condition and grant.
 */
export async function allowedRows(
  _connection: Connection,
  _opened: OpenedTable,
  _allowed: AllowedRows,
): Promise<TableRows> {
  throw new HakiriError('internal', 'Sets cannot be made yet');
}
