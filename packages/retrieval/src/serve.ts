import {
  type Answer,
  type CatalogTable,
  type Exported,
  type ExportRequest,
  type Grant,
  HakiriError,
  isHakiriError,
  type QueryRequest,
  quoteIdentifier,
  type RowsRequest,
  type Serve,
  TABLE_DEFAULTS,
  type TableName,
} from '@hakiri/core';
import type { Engine, Session } from '@hakiri/engine';
import { nodeFiles, type Store, writeArchive } from '@hakiri/store';
import { describeTable, summarizeTable, type TableKeeping, type TableNotes } from './describe-table.ts';
import { prepareRows, tableHint } from './prepare-rows.ts';

export interface ServeOptions {
  readonly store: Store;
  readonly engine: Engine;
  /** What the manifest says of its tables for those who read them. */
  readonly notes: ReadonlyMap<TableName, TableNotes>;
  /** What it says of how they are kept; the defaults where it says nothing. */
  readonly keeping?: (table: CatalogTable) => TableKeeping;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** An answer is held in memory, several times over, on its way to whoever asked. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** The one read path. Everything that reads the store asks here. */
export function createServe({ store, engine, notes, keeping }: ServeOptions): Serve {
  /** What is deleted for good takes its files with it: whoever was about to read them asks once more. */
  const ask = async <T>(request: RowsRequest, run: (session: Session) => Promise<T>): Promise<T> => {
    const first = await prepareRows(store, request);
    try {
      return await run(first.session);
    } catch (error) {
      if (!isHakiriError(error) || error.code !== 'store.damaged') throw first.explain(error);
      const again = await prepareRows(store, request);
      const isAsBefore = again.session.allowedPaths.join() === first.session.allowedPaths.join();
      if (isAsBefore) throw error;
      return run(again.session);
    }
  };

  const query = async (request: QueryRequest, _grant: Grant): Promise<Answer> => {
    const started = performance.now();
    const limits = { timeoutMs: request.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal: request.signal };
    const { maxBytes = DEFAULT_MAX_BYTES, limit: maxRows = Number.MAX_SAFE_INTEGER } = request;
    const answer = await ask(request, (session) => engine.query({ ...session, maxRows, maxBytes }, limits));
    return { ...answer, elapsedMs: performance.now() - started };
  };

  const exportRows = async (request: Extract<ExportRequest, { kind: 'rows' }>): Promise<Exported> => {
    const { format, output, timeoutMs, signal } = request;
    const { rows, bytes } = await ask(request.rows, (session) =>
      engine.export({ ...session, format, output }, { timeoutMs, signal }),
    );
    return { rows, bytes, files: 1 };
  };

  const countRows = async (table: CatalogTable, grant: Grant): Promise<number> => {
    const { rows } = await query({ sql: `SELECT count(*) FROM ${quoteIdentifier(table.name)}` }, grant);
    return Number(rows[0]?.[0] ?? 0);
  };

  return {
    query,
    async tables() {
      const tables = await store.tables();
      return Promise.all(tables.map((table) => summarizeTable(store, table, notes.get(table.name))));
    },
    async describe(name, grant) {
      const table = requireTable(await store.tables(), name);
      const rows = await countRows(table, grant);
      const { retentionMs, tombstoneRetentionMs } = keeping?.(table) ?? TABLE_DEFAULTS;
      return describeTable(store, table, rows, notes.get(table.name), { retentionMs, tombstoneRetentionMs });
    },
    async get({ table, keys }) {
      const rows = await store.rows(table as TableName, keys);
      return rows.map((row, i) =>
        row === undefined
          ? undefined
          : {
              values: row.values,
              citation: {
                table,
                key: keys[i] ?? [],
                run: row.run,
                connector: '',
                author: '',
                sourceTime: null,
                address: '',
              },
            },
      );
    },
    async export(request, _grant) {
      if (request.kind === 'rows') return exportRows(request);
      const tables = await store.tables();
      const wanted = request.tables?.map((name) => requireTable(tables, name)) ?? tables;
      const written = await writeArchive(store, {
        files: nodeFiles,
        tables: wanted,
        write: request.write,
        signal: request.signal,
      });
      return { rows: undefined, ...written };
    },
    close: () => store.close(),
  };
}

function requireTable(tables: readonly CatalogTable[], name: string): CatalogTable {
  const table = tables.find((candidate) => candidate.name === name);
  if (table) return table;
  throw new HakiriError('query.unknown_table', `There is no table "${name}"`, {
    hint: tableHint(tables, name),
  });
}
