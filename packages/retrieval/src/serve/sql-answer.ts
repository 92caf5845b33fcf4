import {
  type Answer,
  type AuditRead,
  type CatalogTable,
  type Citation,
  type Citations,
  type Grant,
  HakiriError,
  type QueryRequest,
  type SqlRequest,
  tableAddress,
} from '@hakiri/core';
import type { QueryCitations, QueryResult, Session, SessionQuery } from '@hakiri/engine';
import { citeRows, isKeyed, renamedKeyColumns } from '../cite/citations.ts';
import { foundRows, storeKey } from '../cite/found-rows.ts';
import { namedTables, rawKeyColumns, type ServedTable, sessionOver } from '../query/session.ts';
import { appliedPolicy, freshnessOf } from './answer.ts';
import { countedRead, readColumns } from './audit-reads.ts';
import type { Position } from './continuation.ts';
import { inPages } from './in-pages.ts';
import { pageLimits, sessionLimits } from './limits.ts';
import { boundedMoment, denied, type Moment, mayRead, servedTables } from './moment.ts';
import { type NamedSearches, runNamedSearches } from './named-searches.ts';
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
  const started = performance.now();
  const { maxRows, maxBytes } = pageLimits(request);
  const offset = position?.offset ?? 0;
  const withSources = request.cite === true || moment.isContinued || parts.isAudited;
  const query: SessionQuery = {
    ...sqlSession(parts, request, moment, grant, { searched, withSources }),
    maxRows,
    maxBytes,
    skipRows: offset,
  };
  const result = await withKnownNames(moment, () =>
    inPages(engine, query, limits, { isOrdered: request.once === true, isCut: position !== undefined }),
  );
  const elapsedMs = performance.now() - started;
  const { columns, rows, truncated, cited, reads } = result;
  const named = namedTables(request.sql, moment.tables);
  const tables = servedTables(parts, named, grant);
  const all = servedTables(parts, pinnedWith(named, searched.tables), grant);
  const answer = await answerOfPage(parts, request, grant, moment, {
    columns,
    rows,
    truncated,
    sources: sourcesOf(cited, named),
    cite: async (places) => cited && citationsOf(parts, cited, tables, places),
    offset,
    tables: all.map(({ table }) => table),
    columnsOf: (table) => readColumns(table, reads),
  });
  if (parts.isAudited) moment.reads.push(...countedIn(request, result, named, searched.tables));
  return {
    ...answer,
    ...(request.explain ? { plan: sqlPlan(tables, searched.plans, { rows: rows.length, elapsedMs }) } : {}),
    freshness: await freshnessOf(parts, all),
    policy: appliedPolicy(
      all.filter(({ table }) => reads.views.includes(table.name) || !named.includes(table)),
    ),
  };
}

/** Tables that had a part in the answer without giving rows of their own. */
function countedIn(
  { search = {} }: SqlRequest,
  { cited, reads }: Pick<QueryResult, 'cited' | 'reads'>,
  named: readonly CatalogTable[],
  searched: readonly CatalogTable[],
): readonly AuditRead[] {
  const given = new Set(cited?.kind === 'rows' ? cited.rows.flat().map(({ view }) => view) : []);
  const predicates = new Map(
    cited?.kind === 'tables' ? cited.tables.map((one) => [one.view, one.predicate]) : [],
  );
  const counted = named
    .filter(({ name }) => reads.views.includes(name) && !given.has(name))
    .map((table) => countedRead(table, predicates.get(table.name) ?? null, readColumns(table, reads)));
  const filters = Object.values(search);
  return [
    ...counted,
    ...searched.map((table) =>
      countedRead(table, filters.find((one) => one.table === table.name)?.filter ?? null, undefined),
    ),
  ];
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

interface SqlSessionOptions {
  readonly searched?: Pick<NamedSearches, 'relations' | 'aggregateOnly'>;
  readonly withSources: boolean;
}

/**
 * The session of one SELECT. `select *` leaves the `_hakiri_` columns out; a query that names one sees them all, of
 * tables that are seen whole. Tables of which nothing may be read are not in it.
 */
export function sqlSession(
  parts: Pick<ServeParts, 'store' | 'seen'>,
  { sql }: Pick<SqlRequest, 'sql'>,
  moment: Moment,
  grant: Grant,
  { searched = { relations: [], aggregateOnly: {} }, withSources }: SqlSessionOptions,
): Session & Pick<SessionQuery, 'cite'> {
  const tables = servedTables(parts, namedTables(sql, moment.tables), grant).filter(mayRead);
  const over = sessionOver(parts.store, tables, {
    provenance: withSources || sql.includes('_hakiri_'),
    withSources,
  });
  return {
    sql,
    ...over,
    aggregateOnly: { ...over.aggregateOnly, ...searched.aggregateOnly },
    ...(searched.relations.length > 0 ? { relations: searched.relations } : {}),
    ...(withSources
      ? { cite: { views: Object.fromEntries(tables.map((one) => [one.table.name, citedKey(one)])) } }
      : {}),
  };
}

function citedKey({ table, seen }: ServedTable): { readonly key: readonly string[] } {
  if (!isKeyed(table)) return { key: [] };
  if (seen.isWhole) return { key: table.primaryKey };
  return { key: [...rawKeyColumns(table), ...renamedKeyColumns(table, seen)] };
}

/** What the engine says of names, in terms of the user's own. */
export async function withKnownNames<T>({ tables, unknown }: Moment, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof HakiriError) || error.code !== 'query.unknown_table') throw error;
    const name = /"([^"]*)"/.exec(error.message)?.[1] ?? '';
    // It is there, and was left out because nothing of it may be read.
    if (tables.some((table) => table.name === name.toLowerCase())) throw denied(name.toLowerCase());
    throw unknown(name);
  }
}

/** The rows that each row was made of; undefined where that cannot be told. */
function sourcesOf(
  cited: QueryCitations | undefined,
  tables: readonly CatalogTable[],
): readonly (readonly Source[])[] | undefined {
  if (cited?.kind !== 'rows') return undefined;
  const byName = new Map(tables.map((table) => [table.name as string, table]));
  return cited.rows.map((row) =>
    row.flatMap((placed) => {
      const table = byName.get(placed.view);
      return table === undefined ? [] : [{ table: table.name, key: storeKey(table, placed) }];
    }),
  );
}

async function citationsOf(
  parts: ServeParts,
  cited: QueryCitations,
  tables: readonly ServedTable[],
  places: readonly number[],
): Promise<Citations> {
  if (cited.kind === 'rows') {
    const rows = places.map((i) => cited.rows[i] ?? []);
    return { kind: 'rows', rows: await sourceCitations(parts, rows, tables) };
  }
  return {
    kind: 'tables',
    tables: cited.tables.flatMap(({ view, predicate, rowsRead }) => {
      const found = tables.find(({ table }) => table.name === view);
      if (found === undefined) return [];
      const { table, seen } = found;
      const runs = [...new Set([...table.newer, ...table.deltas].map(({ run }) => run))];
      return [
        {
          table: table.name,
          snapshot: table.snapshot?.manifest.snapshot ?? null,
          ...(seen.isWhole ? { runs } : {}),
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
  { store, lineages, project, rowNames }: ServeParts,
  rows: CitedRows,
  tables: readonly ServedTable[],
): Promise<readonly (readonly Citation[])[]> {
  const citations = new Map<string, Citation>();
  const nameOf = (view: string, run: string, seq: number): string => `${view} ${run} ${seq}`;
  for (const served of tables) {
    const { table } = served;
    const own = new Map(
      rows
        .flat()
        .filter(({ view }) => view === table.name)
        .map((row) => [nameOf(row.view, row.run, row.seq), row]),
    );
    const sources = await foundRows(store, served, [...own.values()], rowNames);
    const cited = await citeRows(lineages, project, table, sources);
    [...own.keys()].forEach((name, i) => {
      citations.set(name, cited[i] as Citation);
    });
  }
  return rows.map((row) => row.flatMap(({ view, run, seq }) => citations.get(nameOf(view, run, seq)) ?? []));
}
