import type { Answer, Grant, QueryRequest, StructuredRequest } from '@hakiri/core';
import { citeRows, sourceOf } from '../cite/citations.ts';
import { ownSession } from '../query/session.ts';
import { structuredSql } from '../query/structured-sql.ts';
import { freshnessOf, NO_POLICY, nextOf } from './answer.ts';
import type { Position } from './continuation.ts';
import { pageLimits, requireProgress, sessionLimits } from './limits.ts';
import { type Moment, requireBounded } from './moment.ts';
import type { ServeParts } from './parts.ts';
import { structuredPlan } from './plan.ts';
import { stillThere } from './still-there.ts';

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
  const { maxRows, maxBytes } = pageLimits(request);
  const offset = position?.offset ?? 0;
  const withSources = request.cite === true || moment.isContinued;
  // One more than is shown tells whether there is more.
  const page = { rows: request.limit === undefined ? undefined : maxRows + 1, offset };
  const { sql, shown, isOrdered } = structuredSql(request, table, { withSources, page });
  const started = performance.now();
  const { columns, rows, truncated } = await engine.query(
    { ...ownSession(store, table, sql), maxRows, maxBytes, inOrder: !isOrdered },
    sessionLimits(request)(),
  );
  const elapsedMs = performance.now() - started;
  requireProgress(rows.length, truncated);
  const sources = withSources ? rows.map((row) => sourceOf(row.slice(shown), table)) : [];
  const kept = moment.isContinued
    ? await stillThere(
        store,
        sources.map(({ key }) => [{ table: table.name, key }]),
      )
    : rows.map(() => true);
  const isKept = (_: unknown, i: number): boolean => kept[i] === true;
  return {
    columns: columns.slice(0, shown),
    rows: rows.filter(isKept).map((row) => row.slice(0, shown)),
    truncated,
    ...(request.cite
      ? {
          citations: {
            kind: 'rows',
            rows: (await citeRows(parts.lineages, parts.project, table, sources.filter(isKept))).map(
              (cited) => [cited],
            ),
          },
        }
      : {}),
    ...(request.explain
      ? {
          plan: structuredPlan(table, request, { rows: rows.length, elapsedMs }),
        }
      : {}),
    freshness: await freshnessOf(parts, [table]),
    policy: NO_POLICY,
    ...(truncated === false ? {} : await nextOf(parts, request, grant, [table], offset + rows.length)),
  };
}
