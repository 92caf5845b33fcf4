import {
  type CatalogTable,
  type Grant,
  HakiriError,
  type NamedSearch,
  type QueryPlan,
  type RowsRequest,
  type SqlRequest,
} from '@hakiri/core';
import { MAX_RELATION_ROWS, type SessionLimits, type SessionRelation } from '@hakiri/engine';
import { findPath, pathSql } from '../query/columns.ts';
import { keyTypes, valueSql } from '../query/hits-sql.ts';
import { namedTables } from '../query/session.ts';
import { withProvenance } from '../query/structured-sql.ts';
import type { SearchHit } from '../search/request.ts';
import { type Moment, requireTable } from './moment.ts';
import type { ServeParts } from './parts.ts';
import { runSearch } from './run-search.ts';
import { sqlSession, withKnownNames } from './sql-answer.ts';

export interface NamedSearches {
  readonly relations: readonly SessionRelation[];
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
  const plans: QueryPlan[] = [];
  const tables = new Set<CatalogTable>();
  for (const [name, search] of searches) {
    requireName(name, moment);
    const table = requireTable(moment, search.table);
    const conditions: string[] = [];
    for (const [column, sql] of Object.entries(search.in ?? {})) {
      for (const read of namedTables(sql, moment.tables)) tables.add(read);
      conditions.push(await valuesCondition(parts, { table, column, sql }, moment, limits));
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
    relations.push(hitsRelation(name, table, hits));
    if (plan) plans.push({ ...plan, step: `search ${name}`, detail: detailOf(search) });
  }
  return { relations, plans, tables: [...tables] };
}

function detailOf({ table, filter }: NamedSearch): string {
  return filter === undefined ? table : `${table} where ${filter}`;
}

/** Hits as rows that a SELECT can join, best first. */
function hitsRelation(name: string, table: CatalogTable, hits: readonly SearchHit[]): SessionRelation {
  return {
    name,
    columns: [
      ...keyTypes(table),
      { name: '_score', type: { kind: 'double' } },
      { name: '_rank', type: { kind: 'int32' } },
    ],
    rows: hits.slice(0, MAX_RELATION_ROWS).map((hit, i) => [...hit.key, hit.score, i + 1]),
  };
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
  { table, column, sql }: { readonly table: CatalogTable; readonly column: string; readonly sql: string },
  moment: Moment,
  limits: () => SessionLimits,
): Promise<string> {
  const path = findPath(column, withProvenance(table.schema));
  const session = sqlSession(parts, { sql }, namedTables(sql, moment.tables), [], false);
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
