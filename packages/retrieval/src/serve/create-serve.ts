import { basename } from 'node:path';
import {
  type Answer,
  type CatalogTable,
  type Exported,
  type ExportRequest,
  type Grant,
  isHakiriError,
  type QueryRequest,
  type RowsRequest,
  type Serve,
  TABLE_DEFAULTS,
  type TableName,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { nodeFiles, type Store, writeArchive } from '@hakiri/store';
import { createLineages } from '../cite/lineage.ts';
import {
  createDescriber,
  summarizeTable,
  type TableKeeping,
  type TableNotes,
} from '../describe/describe-table.ts';
import { unknownTable } from '../query/unknown-table.ts';
import { createContinuations } from './continuation.ts';
import { exportSession } from './export-session.ts';
import { getRows } from './get-rows.ts';
import { knownTables } from './known-tables.ts';
import { type Moment, momentOf } from './moment.ts';
import type { ServeParts } from './parts.ts';
import type { SearchServices } from './search-services.ts';
import { searchedAnswer } from './searched-answer.ts';
import { type Seen, seenTables } from './seen-tables.ts';
import { sqlAnswer, withKnownNames } from './sql-answer.ts';
import { structuredAnswer } from './structured-answer.ts';

export interface ServeOptions {
  readonly store: Store;
  readonly engine: Engine;
  /** What the manifest says of its tables for those who read them. */
  readonly notes: ReadonlyMap<TableName, TableNotes>;
  /** What it says of how they are kept; the defaults where it says nothing. */
  readonly keeping?: (table: CatalogTable) => TableKeeping;
  /** Missing in a build without search. */
  readonly search?: SearchServices;
  /** What a grant sees of a table; without it everybody sees everything. */
  readonly policies?: Seen;
}

/** The one read path. Everything that reads the store asks here. */
export function createServe({ store, engine, notes, keeping, search, policies }: ServeOptions): Serve {
  const known = knownTables(store);
  const parts: ServeParts = {
    store,
    engine,
    // Its folder is named after it.
    project: basename(store.paths.context),
    known,
    seen: seenTables(policies),
    lineages: createLineages(store),
    continuations: createContinuations(store, nodeFiles),
    search,
  };
  const describer = createDescriber(parts);

  const requireNow = async (name: string): Promise<CatalogTable> => {
    const tables = await known.now();
    const table = tables.find((candidate) => candidate.name === name);
    if (!table) throw unknownTable(name, { tables });
    return table;
  };

  const query = async (request: QueryRequest, grant: Grant): Promise<Answer> => {
    const started = performance.now();
    const position =
      request.next === undefined ? undefined : await parts.continuations.read(request, grant, request.next);
    const answer = await askAgain(
      () => momentOf(store, known, request, position),
      (moment) => {
        if ('sql' in request) return sqlAnswer(parts, request, grant, moment, position);
        const { search: clause } = request;
        if (clause === undefined) return structuredAnswer(parts, request, grant, moment, position);
        return searchedAnswer(parts, { ...request, search: clause }, grant, moment, position);
      },
    );
    return { ...answer, elapsedMs: performance.now() - started };
  };

  const exportRows = async (
    request: Extract<ExportRequest, { kind: 'rows' }>,
    grant: Grant,
  ): Promise<Exported> => {
    const { format, output, timeoutMs, signal } = request;
    const { rows, bytes } = await askAgain(
      () => momentOf(store, known, request.rows, undefined),
      async (moment) => {
        const session = await exportSession(parts, request.rows, grant, moment, { timeoutMs, signal });
        return withKnownNames(moment, () =>
          engine.export({ ...session, format, output }, { timeoutMs, signal }),
        );
      },
    );
    return { rows, bytes, files: 1 };
  };

  return {
    query,
    async tables() {
      const tables = await known.now();
      return Promise.all(tables.map((table) => summarizeTable(store, table, notes.get(table.name))));
    },
    async describe(name, grant) {
      const table = await requireNow(name);
      const { retentionMs, tombstoneRetentionMs } = keeping?.(table) ?? TABLE_DEFAULTS;
      const ask = (request: RowsRequest) => query(request, grant);
      return describer.describe(table, notes.get(table.name), { retentionMs, tombstoneRetentionMs }, ask);
    },
    async get(request) {
      return getRows(parts, await requireNow(request.table), request);
    },
    async export(request, grant) {
      if (request.kind === 'rows') return exportRows(request, grant);
      const wanted =
        request.tables === undefined ? await known.now() : await Promise.all(request.tables.map(requireNow));
      const written = await writeArchive(store, {
        files: nodeFiles,
        tables: wanted,
        write: request.write,
        signal: request.signal,
      });
      return { rows: undefined, ...written };
    },
    async close() {
      known.close();
      await store.close();
    },
  };
}

/**
 * What is deleted for good takes its files with it: whoever was about to read them asks once more. A continuation
 * that finds them gone cannot go on.
 */
async function askAgain<T>(
  momentNow: () => Promise<Moment>,
  ask: (moment: Moment) => Promise<T>,
): Promise<T> {
  const first = await momentNow();
  try {
    return await ask(first);
  } catch (error) {
    if (!isHakiriError(error) || error.code !== 'store.damaged') throw error;
    const again = await momentNow();
    if (filesOf(again) === filesOf(first)) throw error;
    return ask(again);
  }
}

function filesOf({ tables }: Moment): string {
  return JSON.stringify(
    tables.map(({ snapshot, newer, deltas }) => [
      ...(snapshot?.parts ?? []).map(({ path }) => path),
      ...newer.map(({ path }) => path),
      ...deltas.map(({ path }) => path),
    ]),
  );
}
