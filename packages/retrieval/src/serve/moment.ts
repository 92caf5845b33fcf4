import type { CatalogTable, RowsRequest, TableName } from '@hakiri/core';
import type { Store } from '@hakiri/store';
import { namedTables } from '../query/session.ts';
import { tablesAt } from '../query/tables-at.ts';
import { unknownTable } from '../query/unknown-table.ts';
import type { Position } from './continuation.ts';
import type { KnownTables } from './known-tables.ts';
import { bounded, restored } from './pin.ts';

/** The tables that a request reads, each at one moment. */
export interface Moment {
  readonly tables: readonly CatalogTable[];
  /** Goes on where another answer ended: rows that were deleted since are left out. */
  readonly isContinued: boolean;
  /** The error for a table that is not there. */
  unknown(name: string): Error;
}

/**
 * @throws HakiriError query.next_invalid when what is continued is no longer kept; usage.unknown_name, usage.argument
 * for an `asOf` that is no moment
 */
export async function momentOf(
  store: Store,
  known: KnownTables,
  { asOf }: Pick<RowsRequest, 'asOf'>,
  position: Position | undefined,
): Promise<Moment> {
  const now = await known.now();
  if (position !== undefined) {
    const tables = await Promise.all(position.tables.map((pin) => restored(store, pin)));
    return {
      tables,
      isContinued: asOf === undefined,
      unknown: (name) => unknownTable(name, { tables, now }),
    };
  }
  const { tables, gone } =
    asOf === undefined ? { tables: now, gone: new Map<TableName, Error>() } : await tablesAt(store, asOf);
  return {
    tables,
    isContinued: false,
    unknown: (name) => unknownTable(name, { tables, now, gone, asOf }),
  };
}

/** @throws HakiriError query.unknown_table, query.as_of_gone */
export function requireTable({ tables, unknown }: Moment, name: string): CatalogTable {
  const table = tables.find((candidate) => candidate.name === name);
  if (!table) throw unknown(name);
  return table;
}

/** The table, cut off where it ends now: what is written from here on is not in the answer. */
export function requireBounded(store: Store, moment: Moment, name: string): CatalogTable {
  return bounded(store, requireTable(moment, name));
}

/** The moment, with the tables that any of the texts names cut off where they end now. */
export function boundedMoment(store: Store, moment: Moment, texts: readonly string[]): Moment {
  const named = new Set(texts.flatMap((text) => namedTables(text, moment.tables)));
  const tables = moment.tables.map((table) => (named.has(table) ? bounded(store, table) : table));
  return { ...moment, tables };
}
