import { type AsOf, type CatalogTable, HakiriError, nearestNames, type RowsRequest } from '@hakiri/core';
import type { Session } from '@hakiri/engine';
import type { Store } from '@hakiri/store';
import { structuredSql } from './structured-sql.ts';
import { sessionOver, type TablesAt, tablesAt } from './tables-at.ts';

/** One SELECT with the session it runs in. */
export interface PreparedRows {
  readonly session: Session;
  /** What the engine says of names, in terms of the user's own. */
  explain(error: unknown): unknown;
}

/**
 * What a request for rows is to the engine.
 * @throws HakiriError query.unknown_table, query.unknown_column, query.as_of_gone, predicate.invalid, usage.*
 */
export async function prepareRows(store: Store, request: RowsRequest): Promise<PreparedRows> {
  const now = await store.tables();
  const at: TablesAt =
    request.asOf === undefined ? { tables: now, gone: new Map() } : await tablesAt(store, request.asOf);
  const unknown = (name: string): Error => unknownTable(name, at, now, request.asOf);
  const sql =
    'sql' in request ? request.sql : structuredSql(request, requireTable(at, request.table, unknown));
  // `select *` leaves the `_hakiri_` columns out; a query that names one sees them all.
  return {
    session: { sql, ...sessionOver(store, at.tables, sql.includes('_hakiri_')) },
    explain: (error) => {
      if (!(error instanceof HakiriError) || error.code !== 'query.unknown_table') return error;
      return unknown(/"([^"]*)"/.exec(error.message)?.[1] ?? '');
    },
  };
}

function requireTable({ tables }: TablesAt, name: string, unknown: (name: string) => Error): CatalogTable {
  const table = tables.find((candidate) => candidate.name === name);
  if (!table) throw unknown(name);
  return table;
}

function unknownTable(
  name: string,
  { tables, gone }: TablesAt,
  now: readonly CatalogTable[],
  asOf: AsOf | undefined,
): Error {
  for (const [table, error] of gone) if (table === name.toLowerCase()) return error;
  if (asOf !== undefined && now.some((table) => table.name === name.toLowerCase())) {
    const when = 'run' in asOf ? `when run ${asOf.run} was committed` : `at ${asOf.time}`;
    return new HakiriError('query.unknown_table', `There was no table "${name}" ${when}`, {
      hint: 'Its first commit came later: ask for a later time.',
    });
  }
  return new HakiriError('query.unknown_table', `There is no table "${name}"`, {
    hint: tableHint(tables, name),
  });
}

/** The engine's own suggestions come from its catalog, which is not the user's. */
export function tableHint(tables: readonly CatalogTable[], name: string): string {
  const names = tables.map((table) => table.name);
  if (names.length === 0) return 'The store has no tables yet: `hakiri run`.';
  const near = nearestNames(name, names);
  return near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `The tables are: ${names.join(', ')}.`;
}
