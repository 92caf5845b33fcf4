import type { Answer, Grant, QueryRequest, StructuredRequest } from '@hakiri/core';
import type { SessionQuery } from '@hakiri/engine';
import { rowCitations, sourceOf } from '../cite/citations.ts';
import { ownSession } from '../query/session.ts';
import { structuredSql } from '../query/structured-sql.ts';
import { appliedPolicy, freshnessOf } from './answer.ts';
import type { Position } from './continuation.ts';
import { inPages } from './in-pages.ts';
import { pageLimits, sessionLimits } from './limits.ts';
import { type Moment, requireBounded, requireRows } from './moment.ts';
import { answerOfPage } from './page.ts';
import type { ServeParts } from './parts.ts';
import { structuredPlan } from './plan.ts';
import { seenOf } from './seen-of.ts';

export type StructuredQuery = StructuredRequest & QueryRequest;

/** The rows of one table, by SQL that we write. */
export async function structuredAnswer(
  parts: ServeParts,
  request: StructuredQuery,
  grant: Grant,
  moment: Moment,
  position: Position | undefined,
): Promise<Omit<Answer, 'elapsedMs'>> {
  const { store, engine } = parts;
  const table = requireBounded(store, moment, request.table);
  const served = { table, seen: seenOf(parts, table, grant) };
  requireRows(served);
  const { maxRows, maxBytes } = pageLimits(request);
  const offset = position?.offset ?? 0;
  const withSources = request.cite === true || moment.isContinued || parts.isAudited;
  // One more than is shown tells whether there is more.
  const page = { rows: request.limit === undefined ? undefined : maxRows + 1, offset };
  const { sql, shown, isOrdered } = structuredSql(request, served, { withSources, page });
  const limits = sessionLimits(request);
  const query: SessionQuery = { ...ownSession(store, served, sql), maxRows, maxBytes };
  const started = performance.now();
  const { columns, rows, truncated } = await inPages(engine, query, limits, {
    isOrdered: isOrdered || request.once === true,
    // Of a few rows the first ones are soon there.
    isCut: position !== undefined || request.limit !== undefined,
  });
  const elapsedMs = performance.now() - started;
  const sources = withSources
    ? rows.map((row) => sourceOf(row.slice(shown), served, parts.rowNames))
    : undefined;
  const answer = await answerOfPage(parts, request, grant, moment, {
    columns: columns.slice(0, shown),
    rows: rows.map((row) => row.slice(0, shown)),
    truncated,
    sources: sources?.map(({ key }) => [{ table: table.name, key }]),
    cite: (places) => rowCitations(parts, table, sources ?? [], places),
    offset,
    tables: [table],
  });
  return {
    ...answer,
    ...(request.explain ? { plan: structuredPlan(served, request, { rows: rows.length, elapsedMs }) } : {}),
    freshness: await freshnessOf(parts, [served]),
    policy: appliedPolicy([served]),
  };
}
