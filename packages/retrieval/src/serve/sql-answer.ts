import {
  type Answer,
  type CatalogTable,
  type Citation,
  type Citations,
  type Grant,
  HakiriError,
  type QueryRequest,
  type SqlRequest,
  type TableName,
  tableAddress,
} from '@hakiri/core';
import type { QueryCitations, SessionQuery, SessionRelation } from '@hakiri/engine';
import { citeRows, keyColumns } from '../cite/citations.ts';
import { foundRows } from '../cite/found-rows.ts';
import { namedTables, sessionOver } from '../query/session.ts';
import { freshnessOf, NO_POLICY } from './answer.ts';
import type { Position } from './continuation.ts';
import { inPages } from './in-pages.ts';
import { pageLimits, sessionLimits } from './limits.ts';
import { boundedMoment, type Moment } from './moment.ts';
import { runNamedSearches } from './named-searches.ts';
import { answerOfPage } from './page.ts';
import type { ServeParts } from './parts.ts';
import { sqlPlan } from './plan.ts';
import type { Source } from './still-there.ts';

export type SqlQuery = SqlRequest & QueryRequest;

/** What somebody's own SELECT gives. */
export async function sqlAnswer(
  parts: ServeParts,
  request: SqlQuery,
  grant: Grant,
  anyMoment: Moment,
  position: Position | undefined,
): Promise<Omit<Answer, 'elapsedMs'>> {
  const { store, engine } = parts;
  const limits = sessionLimits(request);
  const moment = boundedMoment(store, anyMoment, textsOf(request));
  const searched = await runNamedSearches(parts, request, grant, moment, limits);
  const tables = namedTables(request.sql, moment.tables);
  const started = performance.now();
  const { maxRows, maxBytes } = pageLimits(request);
  const offset = position?.offset ?? 0;
  const query: SessionQuery = {
    ...sqlSession(parts, request, tables, searched.relations, request.cite === true || moment.isContinued),
    maxRows,
    maxBytes,
    skipRows: offset,
  };
  const result = await withKnownNames(moment, () =>
    inPages(engine, query, limits, { isOrdered: request.once === true, isCut: position !== undefined }),
  );
  const elapsedMs = performance.now() - started;
  const { columns, rows, truncated, cited } = result;
  const answer = await answerOfPage(parts, request, grant, moment, {
    columns,
    rows,
    truncated,
    sources: sourcesOf(cited, tables),
    cite: async (places) => cited && citationsOf(parts, cited, tables, places),
    offset,
    tables: pinnedWith(tables, searched.tables),
  });
  return {
    ...answer,
    ...(request.explain ? { plan: sqlPlan(tables, searched.plans, { rows: rows.length, elapsedMs }) } : {}),
    freshness: await freshnessOf(parts, [...new Set([...tables, ...searched.tables])]),
    policy: NO_POLICY,
  };
}

/** All that names tables. */
function textsOf({ sql, search = {} }: SqlRequest): readonly string[] {
  const searches = Object.values(search).flatMap(({ table, in: selects = {} }) => [
    table,
    ...Object.values(selects),
  ]);
  return [sql, ...searches];
}

/** Each table once. */
function pinnedWith(
  tables: readonly CatalogTable[],
  searched: readonly CatalogTable[],
): readonly CatalogTable[] {
  const names = new Set(tables.map(({ name }) => name));
  return [...tables, ...searched.filter(({ name }) => !names.has(name))];
}

/** The session of one SELECT. `select *` leaves the `_hakiri_` columns out; a query that names one sees them all. */
export function sqlSession(
  { store }: Pick<ServeParts, 'store'>,
  { sql }: SqlRequest,
  tables: readonly CatalogTable[],
  relations: readonly SessionRelation[],
  withSources: boolean,
) {
  return {
    sql,
    ...sessionOver(store, tables, withSources || sql.includes('_hakiri_')),
    ...(relations.length > 0 ? { relations } : {}),
    ...(withSources
      ? {
          cite: {
            views: Object.fromEntries(
              tables.map((table) => [table.name, { key: isKeyed(table) ? table.primaryKey : [] }]),
            ),
          },
        }
      : {}),
  };
}

/** What the engine says of names, in terms of the user's own. */
export async function withKnownNames<T>({ unknown }: Moment, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof HakiriError) || error.code !== 'query.unknown_table') throw error;
    throw unknown(/"([^"]*)"/.exec(error.message)?.[1] ?? '');
  }
}

const isKeyed = (table: CatalogTable): boolean => keyColumns(table) === table.primaryKey;

/** The rows that each row was made of; undefined where that cannot be told. */
function sourcesOf(
  cited: QueryCitations | undefined,
  tables: readonly CatalogTable[],
): readonly (readonly Source[])[] | undefined {
  if (cited?.kind !== 'rows') return undefined;
  const keyed = new Set(tables.filter(isKeyed).map(({ name }) => name as string));
  return cited.rows.map((row) =>
    row.map(({ view, key, run, seq }) => ({
      table: view as TableName,
      key: keyed.has(view) ? key : [run, seq],
    })),
  );
}

async function citationsOf(
  parts: ServeParts,
  cited: QueryCitations,
  tables: readonly CatalogTable[],
  places: readonly number[],
): Promise<Citations> {
  if (cited.kind === 'rows') {
    const rows = places.map((i) => cited.rows[i] ?? []);
    return { kind: 'rows', rows: await sourceCitations(parts, rows, tables) };
  }
  return {
    kind: 'tables',
    tables: cited.tables.flatMap(({ view, predicate, rowsRead }) => {
      const table = tables.find(({ name }) => name === view);
      if (table === undefined) return [];
      return [
        {
          table: table.name,
          snapshot: table.snapshot?.manifest.snapshot ?? null,
          runs: [...new Set([...table.newer, ...table.deltas].map(({ run }) => run))],
          predicate,
          rowsRead,
          address: tableAddress(parts.project, table.name),
        },
      ];
    }),
  };
}

type CitedRows = Extract<QueryCitations, { kind: 'rows' }>['rows'];

async function sourceCitations(
  { store, lineages, project }: ServeParts,
  rows: CitedRows,
  tables: readonly CatalogTable[],
): Promise<readonly (readonly Citation[])[]> {
  const citations = new Map<string, Citation>();
  const nameOf = (view: string, run: string, seq: number): string => `${view} ${run} ${seq}`;
  for (const table of tables) {
    const own = new Map(
      rows
        .flat()
        .filter(({ view }) => view === table.name)
        .map((row) => [nameOf(row.view, row.run, row.seq), row]),
    );
    const sources = await foundRows(store, table, [...own.values()]);
    const cited = await citeRows(lineages, project, table, sources);
    [...own.keys()].forEach((name, i) => {
      citations.set(name, cited[i] as Citation);
    });
  }
  return rows.map((row) => row.flatMap(({ view, run, seq }) => citations.get(nameOf(view, run, seq)) ?? []));
}
