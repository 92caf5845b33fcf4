import {
  type Answer,
  type CatalogTable,
  type ColumnDescription,
  type Grant,
  HakiriError,
  nearestNames,
  type QueryRequest,
  type Serve,
  type TableDescription,
  type TableName,
  type TableSummary,
  tableParts,
  typeName,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import type { Store } from '@hakiri/store';
import { structuredSql } from './structured-sql.ts';

export interface ServeOptions {
  readonly store: Store;
  readonly engine: Engine;
  /** What the manifest says of its tables for those who read them. */
  readonly notes: ReadonlyMap<TableName, TableNotes>;
}

export interface TableNotes {
  readonly description: string | undefined;
  readonly hints: ReadonlyMap<string, string>;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** An answer is held in memory, several times over, on its way to whoever asked. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** The one read path. Everything that reads the store asks here. */
export function createServe({ store, engine, notes }: ServeOptions): Serve {
  const query = async (request: QueryRequest, _grant: Grant): Promise<Answer> => {
    const started = performance.now();
    const tables = await store.tables();
    const sql = 'sql' in request ? request.sql : structuredSql(request, requireTable(tables, request.table));
    // `select *` leaves the `_hakiri_` columns out; a query that names one sees them all.
    const session = await store.session({ provenance: sql.includes('_hakiri_') });
    const limits = { timeoutMs: request.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal: request.signal };
    try {
      const answer = await engine.query(
        {
          sql,
          ...session,
          maxRows: request.limit ?? Number.MAX_SAFE_INTEGER,
          maxBytes: request.maxBytes ?? DEFAULT_MAX_BYTES,
        },
        limits,
      );
      return { ...answer, elapsedMs: performance.now() - started };
    } catch (error) {
      throw withSuggestion(error, tables);
    }
  };

  const countRows = async (table: CatalogTable, grant: Grant): Promise<number> => {
    const { rows } = await query({ sql: `SELECT count(*) FROM ${table.name}` }, grant);
    return Number(rows[0]?.[0] ?? 0);
  };

  return {
    query,
    tables: async () => (await store.tables()).map((table) => summary(table, notes.get(table.name))),
    async describe(name, grant): Promise<TableDescription> {
      const table = requireTable(await store.tables(), name);
      const own = notes.get(table.name);
      const history = await store.catalog.schemaHistory(table.name);
      return {
        ...summary(table, own),
        rows: await countRows(table, grant),
        mode: table.mode,
        primaryKey: table.primaryKey,
        incremental: table.incremental ?? undefined,
        columns: table.schema.columns.map(
          (column): ColumnDescription => ({
            name: column.name,
            type: typeName(column.type),
            key: table.primaryKey.includes(column.name),
            hint: own?.hints.get(column.name),
          }),
        ),
        pipelines: table.pipelines,
        schemaHistory: history.map(({ fingerprint, at, changes }) => ({ fingerprint, since: at, changes })),
        quarantined: table.setAside,
      };
    },
    close: () => store.close(),
  };
}

function summary(table: CatalogTable, notes: TableNotes | undefined): TableSummary {
  const parts = tableParts(table);
  return {
    name: table.name,
    description: notes?.description,
    storedRows: parts.reduce((sum, { rows }) => sum + rows, 0),
    parts: parts.length,
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    lastCommit: table.lastCommit,
  };
}

function requireTable(tables: readonly CatalogTable[], name: string): CatalogTable {
  const table = tables.find((candidate) => candidate.name === name);
  if (table) return table;
  throw new HakiriError('query.unknown_table', `There is no table "${name}"`, {
    hint: tableHint(tables, name),
  });
}

function tableHint(tables: readonly CatalogTable[], name: string): string {
  const names = tables.map((table) => table.name);
  if (names.length === 0) return 'The store has no tables yet: `hakiri run`.';
  const near = nearestNames(name, names);
  return near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `The tables are: ${names.join(', ')}.`;
}

/** The engine's own suggestions come from its catalog, which is not the user's. */
function withSuggestion(error: unknown, tables: readonly CatalogTable[]): unknown {
  if (!(error instanceof HakiriError) || error.code !== 'query.unknown_table') return error;
  const name = /"([^"]*)"/.exec(error.message)?.[1] ?? '';
  return new HakiriError(error.code, error.message, { hint: tableHint(tables, name), cause: error });
}
