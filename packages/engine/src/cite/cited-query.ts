import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';
import { isHakiriError, type JsonValue } from '@hakiri/core';
import type { CheckedQuery } from '../gate/query-gate.ts';
import { textOfTree } from '../gate/round-trip.ts';
import type { TreeNode } from '../gate/tree.ts';
import type { CitedRow, CitedTable } from '../protocol.ts';
import { addSources, type CitedView } from './add-sources.ts';
import type { CiteSession } from './cite-session.ts';
import { tablePredicates } from './table-predicates.ts';

/** A statement whose last columns are sources. */
export interface SourcedStatement {
  readonly prepared: DuckDBPreparedStatement;
  /** The view of each of those columns. */
  readonly views: readonly CitedView[];
}

/**
 * The query with its sources, where each row has some. It must give exactly the columns of the query itself: in all
 * doubt there is none.
 */
export async function prepareSourced(
  { connection, parser, query }: OpenQuery,
  plain: DuckDBPreparedStatement,
  cite: CiteSession,
): Promise<SourcedStatement | undefined> {
  const named = cite.views.filter(({ view }) => query.relations.has(view));
  const sourced = addSources(query.statement, {
    views: new Map(named.map((view) => [view.view.toLowerCase(), view])),
    prefix: cite.prefix,
  });
  if (!sourced) return undefined;
  try {
    const prepared = await connection.prepare(await textOfTree(parser, sourced.statement));
    if (isSameBut(prepared, plain, sourced.views.length)) return { prepared, views: sourced.views };
    prepared.destroySync();
  } catch (error) {
    // The query itself was prepared: it is our own part that cannot be said here, or bound.
    if (isHakiriError(error) && error.code !== 'query.refused') throw error;
  }
  return undefined;
}

interface OpenQuery {
  readonly connection: DuckDBConnection;
  readonly parser: DuckDBConnection;
  readonly query: CheckedQuery;
}

function isSameBut(
  prepared: DuckDBPreparedStatement,
  plain: DuckDBPreparedStatement,
  added: number,
): boolean {
  if (prepared.columnCount !== plain.columnCount + added) return false;
  for (let i = 0; i < plain.columnCount; i++) {
    if (prepared.columnName(i) !== plain.columnName(i)) return false;
    if (String(prepared.columnType(i)) !== String(plain.columnType(i))) return false;
  }
  return true;
}

/** The sources of one row; a side of an outer join that found no row has none. */
export function citedRows(cells: readonly JsonValue[], views: readonly CitedView[]): readonly CitedRow[] {
  return cells.flatMap((cell, i) => {
    const view = views[i];
    if (!view || typeof cell !== 'object' || cell === null || Array.isArray(cell)) return [];
    if (cell.run === null || cell.run === undefined) return [];
    const key = view.key.map((_, n) => cell[`k${n}`] ?? null);
    return [{ view: view.view, key, run: String(cell.run), seq: Number(cell.seq) }];
  });
}

/** The cited views that a query reads, by name. */
export async function citedTables(
  { parser, query, asked }: OpenQuery & { readonly asked: TreeNode },
  cite: CiteSession,
): Promise<readonly CitedTable[]> {
  const predicates = await tablePredicates(parser, asked);
  return cite.views
    .filter(({ view }) => query.relations.has(view))
    .map(({ view }) => ({ view, predicate: predicates.get(view.toLowerCase()) ?? null, rowsRead: null }));
}
