import type { Grant, RowsRequest } from '@hakiri/core';
import type { Session, SessionLimits } from '@hakiri/engine';
import { ownSession } from '../query/session.ts';
import { structuredSql } from '../query/structured-sql.ts';
import { sessionLimits } from './limits.ts';
import { type Moment, requireRows, requireTable } from './moment.ts';
import { runNamedSearches } from './named-searches.ts';
import type { ServeParts } from './parts.ts';
import { searchedSession } from './searched-session.ts';
import { seenOf } from './seen-of.ts';
import { sqlSession } from './sql-answer.ts';

/** What a request for all of its rows is to the engine. */
export async function exportSession(
  parts: ServeParts,
  request: RowsRequest,
  grant: Grant,
  moment: Moment,
  limits: Partial<SessionLimits>,
): Promise<Session> {
  const deadline = sessionLimits(limits);
  if ('sql' in request) {
    const searched = await runNamedSearches(parts, request, grant, moment, deadline);
    return sqlSession(parts, request, moment, grant, { searched, withSources: false });
  }
  const { search } = request;
  const table = requireTable(moment, request.table);
  if (search !== undefined) {
    return (await searchedSession(parts, { ...request, search }, grant, moment, deadline)).session;
  }
  const served = { table, seen: seenOf(parts, table, grant) };
  requireRows(served);
  const { sql } = structuredSql(request, served, { withSources: false });
  return ownSession(parts.store, served, sql);
}
