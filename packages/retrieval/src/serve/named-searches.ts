import {
  type CatalogTable,
  type Grant,
  HakiriError,
  type JsonValue,
  type NamedSearch,
  type QueryPlan,
  type RowsRequest,
  type SqlRequest,
  type TableSchema,
} from '@hakiri/core';
import {
  type AggregateOnly,
  MAX_RELATION_ROWS,
  type SessionLimits,
  type SessionRelation,
} from '@hakiri/engine';
import { isKeyed, keyColumns } from '../cite/citations.ts';
import { findPath, pathSql } from '../query/columns.ts';
import { keyTypes, valueSql } from '../query/hits-sql.ts';
import { namedTables, type ServedTable } from '../query/session.ts';
import { namedColumns, RANK } from '../query/structured-sql.ts';
import type { SearchHit } from '../search/request.ts';
import { returnedRead } from './audit-reads.ts';
import { denied, type Moment, requireTable } from './moment.ts';
import type { ServeParts } from './parts.ts';
import { runSearch } from './run-search.ts';
import { sessionOfHits } from './searched-session.ts';
import { seenOf } from './seen-of.ts';
import { sqlSession, withKnownNames } from './sql-answer.ts';

export interface NamedSearches {
  readonly relations: readonly SessionRelation[];
  /** By name, those over tables of which only aggregates are served. */
  readonly aggregateOnly: Readonly<Record<string, AggregateOnly>>;
  readonly plans: readonly QueryPlan[];
  /** Those that were searched or asked for values. */
  readonly tables: readonly CatalogTable[];
}

const MAX_SEARCHES = 16;
const MAX_VALUES = 10_000;
const MAX_VALUE_BYTES = 16_000_000;

/**
 * Runs the searches that a SELECT names: each becomes a relation of the table's key, `_score` and `_rank`.
 * @throws HakiriError query.invalid, query.too_large and what a search throws
 */
export async function runNamedSearches(
  parts: ServeParts,
  request: SqlRequest & Pick<RowsRequest, 'asOf'> & { readonly explain?: boolean },
  grant: Grant,
  moment: Moment,
  limits: () => SessionLimits,
): Promise<NamedSearches> {
  const searches = Object.entries(request.search ?? {});
  if (searches.length > MAX_SEARCHES) {
    throw new HakiriError('query.invalid', `There are more than ${MAX_SEARCHES} named searches`);
  }
  const relations: SessionRelation[] = [];
  const aggregateOnly: Record<string, AggregateOnly> = {};
  const plans: QueryPlan[] = [];
  const tables = new Set<CatalogTable>();
  for (const [name, search] of searches) {
    requireName(name, moment);
    const table = requireTable(moment, search.table);
    const served = { table, seen: seenOf(parts, table, grant) };
    requireKey(served);
    const conditions: string[] = [];
    for (const [column, sql] of Object.entries(search.in ?? {})) {
      for (const read of namedTables(sql, moment.tables)) tables.add(read);
      const values = { schema: namedColumns(served), column, sql };
      conditions.push(await valuesCondition(parts, values, moment, grant, limits));
    }
    const { hits, plan } = await runSearch(
      parts,
      {
        table,
        isPast: request.asOf !== undefined,
        clause: search,
        filter: search.filter,
        condition: conditions.length === 0 ? undefined : conditions.join(' AND '),
        explain: request.explain === true,
      },
      grant,
      limits,
    );
    tables.add(table);
    if (parts.isAudited && served.seen.minGroup === undefined) {
      const keys = hits.map(({ key }) => key);
      moment.reads.push(returnedRead(table, keys, isKeyed(table) ? table.primaryKey : []));
    }
    relations.push(await hitsRelation(parts, name, served, hits, limits));
    const { minGroup } = served.seen;
    if (minGroup !== undefined) aggregateOnly[name] = { key: keyColumns(table), minGroup };
    if (plan) plans.push(namedPlan(name, search, plan, minGroup === undefined));
  }
  return { relations, aggregateOnly, plans, tables: [...tables] };
}

/** How many rows a filter finds is what an aggregate over few rows would tell. */
function namedPlan(name: string, search: NamedSearch, plan: QueryPlan, isCounted: boolean): QueryPlan {
  const named = { step: `search ${name}`, detail: detailOf(search) };
  return isCounted ? { ...plan, ...named } : named;
}

/** Rows of a relation that nothing tells apart cannot be joined. @throws HakiriError access.denied */
function requireKey({ table, seen }: ServedTable): void {
  if (!seen.canRead && seen.minGroup === undefined) throw denied(table.name);
  const isTold = seen.isWhole || (seen.key !== 'hidden' && isKeyed(table));
  if (isTold) return;
  throw new HakiriError(
    'access.denied',
    `What is found in ${table.name} cannot be named in SQL: its key is hidden`,
    {
      hint: 'Search it with `table` and `search` in place of SQL.',
    },
  );
}

function detailOf({ table, filter }: NamedSearch): string {
  return filter === undefined ? table : `${table} where ${filter}`;
}

/** Hits as rows that a SELECT can join, best first: by the key as the grant sees it. */
async function hitsRelation(
  parts: ServeParts,
  name: string,
  served: ServedTable,
  hits: readonly SearchHit[],
  limits: () => SessionLimits,
): Promise<SessionRelation> {
  const { table, seen } = served;
  const found = hits.slice(0, MAX_RELATION_ROWS);
  const keys = seen.key === 'clear' ? found.map(({ key }) => key) : await renamedKeys();
  return {
    name,
    columns: [
      ...keyTypes(seen.key === 'clear' ? table : { ...table, schema: seen.schema }),
      { name: '_score', type: { kind: 'double' } },
      { name: '_rank', type: { kind: 'int32' } },
    ],
    rows: found.flatMap((hit, i) => (keys[i] === undefined ? [] : [[...keys[i], hit.score, i + 1]])),
  };

  /** The table at this moment may lack a row that was found: then that has no key. */
  async function renamedKeys(): Promise<readonly (readonly JsonValue[] | undefined)[]> {
    const key = keyColumns(table);
    const request = { table: table.name, select: [...key, RANK] };
    const { session } = sessionOfHits(parts, request, served, { hits: found }, { withSources: false });
    const { rows } = await parts.engine.query(
      { ...session, maxRows: found.length, maxBytes: Number.MAX_SAFE_INTEGER },
      limits(),
    );
    const renamed: (readonly JsonValue[] | undefined)[] = found.map(() => undefined);
    for (const row of rows) renamed[Number(row.at(-1)) - 1] = row.slice(0, -1);
    return renamed;
  }
}

/** @throws HakiriError query.invalid */
function requireName(name: string, { tables }: Moment): void {
  const isPlain = /^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(name);
  if (isPlain && !tables.some((table) => table.name === name.toLowerCase())) return;
  throw new HakiriError('query.invalid', `"${name}" cannot name a search`, {
    hint: 'Use letters, digits and underscores, and no name of a table.',
  });
}

/** What `in` allows, as a condition over the table. */
async function valuesCondition(
  parts: ServeParts,
  { schema, column, sql }: { readonly schema: TableSchema; readonly column: string; readonly sql: string },
  moment: Moment,
  grant: Grant,
  limits: () => SessionLimits,
): Promise<string> {
  const path = findPath(column, schema);
  const session = sqlSession(parts, { sql }, moment, grant, { withSources: false });
  const { columns, rows, truncated } = await withKnownNames(moment, () =>
    parts.engine.query({ ...session, maxRows: MAX_VALUES, maxBytes: MAX_VALUE_BYTES }, limits()),
  );
  if (columns.length !== 1) {
    throw new HakiriError(
      'query.invalid',
      `The SELECT for "${column}" gives ${columns.length} columns, not one`,
    );
  }
  if (truncated !== false) {
    throw new HakiriError(
      'query.too_large',
      `The SELECT for "${column}" gives more than ${MAX_VALUES} values`,
      {
        hint: 'Narrow it, or join with what the search found instead.',
      },
    );
  }
  const values = rows.flatMap(([value = null]) => (value === null ? [] : [valueSql(value, path.type)]));
  return values.length === 0 ? 'FALSE' : `${pathSql(path)} IN (${values.join(', ')})`;
}
