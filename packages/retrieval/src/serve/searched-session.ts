import type { CatalogTable, Grant, RowsRequest, SearchClause, StructuredRequest } from '@hakiri/core';
import type { Session, SessionLimits } from '@hakiri/engine';
import { hitsSql } from '../query/hits-sql.ts';
import { ownSession, type ServedTable } from '../query/session.ts';
import { type StructuredOptions, structuredSql } from '../query/structured-sql.ts';
import type { SearchAnswer } from '../search/request.ts';
import { type Moment, requireBounded, requireRows } from './moment.ts';
import type { ServeParts } from './parts.ts';
import { runSearch } from './run-search.ts';
import { seenOf } from './seen-of.ts';

export type SearchedRequest = StructuredRequest & {
  readonly search: SearchClause;
  readonly asOf?: RowsRequest['asOf'];
  readonly explain?: boolean;
};

export interface SearchedSession {
  readonly session: Session;
  readonly table: CatalogTable;
  /** Columns that were asked for; those after them are for citations. */
  readonly shown: number;
  readonly found: SearchAnswer;
}

/**
 * @throws HakiriError access.denied, access.aggregate_only where the grant sees no rows of the table, and what a search throws
 */
export async function searchTable(
  parts: ServeParts,
  { search, filter, asOf, explain = false }: SearchedRequest,
  table: CatalogTable,
  grant: Grant,
  limits: () => SessionLimits,
): Promise<SearchAnswer> {
  requireRows({ table, seen: seenOf(parts, table, grant) });
  return runSearch(
    parts,
    { table, isPast: asOf !== undefined, clause: search, filter, condition: undefined, explain },
    grant,
    limits,
  );
}

/** The rows that were found, as they were at the moment, in the order asked or by rank. */
export async function searchedSession(
  parts: ServeParts,
  request: SearchedRequest,
  grant: Grant,
  moment: Moment,
  limits: () => SessionLimits,
): Promise<SearchedSession> {
  const table = requireBounded(parts.store, moment, request.table);
  const served = { table, seen: seenOf(parts, table, grant) };
  const found = await searchTable(parts, request, table, grant, limits);
  return { ...sessionOfHits(parts, request, served, found, { withSources: false }), table, found };
}

/** Hits joined with the rows of the table as they are seen. */
export function sessionOfHits(
  { store }: Pick<ServeParts, 'store'>,
  request: StructuredRequest,
  served: ServedTable,
  { hits }: Pick<SearchAnswer, 'hits'>,
  options: Omit<StructuredOptions, 'hits'>,
): Pick<SearchedSession, 'session' | 'shown'> {
  const { sql, shown } = structuredSql(request, served, { ...options, hits: hitsSql(served, hits) });
  return { session: ownSession(store, served, sql), shown };
}
