import { basename } from 'node:path';
import type { Pseudonyms } from '@hakiri/access';
import {
  type Answer,
  type AuditRead,
  type AuditSink,
  type CatalogTable,
  type Exported,
  type ExportRequest,
  type Grant,
  HakiriError,
  isHakiriError,
  NO_AUDIT,
  type QueryRequest,
  type RowsRequest,
  type Serve,
  TABLE_DEFAULTS,
  type TableName,
} from '@hakiri/core';
import type { Engine, QueryReads } from '@hakiri/engine';
import { nodeFiles, type Store, writeArchive } from '@hakiri/store';
import { createLineages } from '../cite/lineage.ts';
import { rowNames } from '../cite/row-names.ts';
import {
  createDescriber,
  summarizeTable,
  type TableKeeping,
  type TableNotes,
} from '../describe/describe-table.ts';
import type { ServedTable } from '../query/session.ts';
import { unknownTable } from '../query/unknown-table.ts';
import { countedRead, readColumns, requestColumns } from './audit-reads.ts';
import { createContinuations, type Position, withoutLimits } from './continuation.ts';
import { exportSession } from './export-session.ts';
import { getRows } from './get-rows.ts';
import { knownTables } from './known-tables.ts';
import { type Moment, momentOf, requireTable, servedTables, visibleTables } from './moment.ts';
import type { ServeParts } from './parts.ts';
import { type Done, recordedBy } from './recorded.ts';
import type { SearchServices } from './search-services.ts';
import { searchedAnswer } from './searched-answer.ts';
import { seenOf } from './seen-of.ts';
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
  /** What rows without a key are told by to those who do not see all of them. */
  readonly pseudonyms?: Pseudonyms;
  /** Every call is recorded there before it is answered. */
  readonly audit?: AuditSink;
}

/** The one read path. Everything that reads the store asks here, and is given what its grant leaves of it. */
export function createServe(options: ServeOptions): Serve {
  const { store, engine, notes, keeping, search, policies, pseudonyms, audit = NO_AUDIT } = options;
  const known = knownTables(store);
  const parts: ServeParts = {
    store,
    engine,
    // Its folder is named after it.
    project: basename(store.paths.context),
    known,
    seen: seenTables(policies),
    rowNames: pseudonyms && rowNames(pseudonyms),
    isAudited: audit !== NO_AUDIT,
    lineages: createLineages(store),
    continuations: createContinuations(store, nodeFiles),
    search,
  };
  const describer = createDescriber(parts);
  const recorded = recordedBy(audit);

  const tablesNow = async (grant: Grant): Promise<readonly CatalogTable[]> =>
    visibleTables(parts, await known.now(), grant);

  const requireNow = async (name: string, grant: Grant): Promise<ServedTable> => {
    const tables = await tablesNow(grant);
    const table = requireTable({ tables, unknown: (wanted) => unknownTable(wanted, { tables }) }, name);
    return { table, seen: seenOf(parts, table, grant) };
  };

  const query = async (request: QueryRequest, grant: Grant): Promise<Done<Answer>> => {
    const started = performance.now();
    const position =
      request.next === undefined ? undefined : await parts.continuations.read(request, grant, request.next);
    return askAgain(
      () => momentOf(parts, request, grant, position),
      async (moment) => {
        const answer = await answerOf(request, grant, moment, position);
        const elapsedMs = performance.now() - started;
        const reads = request.confidential ? withoutPredicates(moment.reads) : moment.reads;
        return { answer: { ...answer, elapsedMs }, rows: answer.rows.length, reads };
      },
    );
  };

  const answerOf = (
    request: QueryRequest,
    grant: Grant,
    moment: Moment,
    position: Position | undefined,
  ): Promise<Omit<Answer, 'elapsedMs'>> => {
    if ('sql' in request) return sqlAnswer(parts, request, grant, moment, position);
    const { search: clause } = request;
    if (clause === undefined) return structuredAnswer(parts, request, grant, moment, position);
    return searchedAnswer(parts, { ...request, search: clause }, grant, moment, position);
  };

  const exportRows = async (request: RowsExportRequest, grant: Grant): Promise<Done<Exported>> => {
    const { format, output, timeoutMs, signal, rows: wanted } = request;
    return askAgain(
      () => momentOf(parts, wanted, grant, undefined),
      async (moment) => {
        const session = await exportSession(parts, wanted, grant, moment, { timeoutMs, signal });
        const { rows, bytes, reads, predicates } = await withKnownNames(moment, () =>
          engine.export({ ...session, format, output }, { timeoutMs, signal }),
        );
        const counted = parts.isAudited ? exportReads(wanted, moment, reads, predicates) : [];
        return { answer: { rows, bytes, files: 1 }, rows, reads: [...moment.reads, ...counted] };
      },
    );
  };

  /** The tables of an archive. */
  const archived = async (
    { tables }: ArchiveRequest,
    grant: Grant,
  ): Promise<Done<readonly CatalogTable[]>> => {
    const wanted =
      tables === undefined
        ? (await known.now()).map((table) => ({ table, seen: parts.seen(table, grant) }))
        : await Promise.all(tables.map((name) => requireNow(name, grant)));
    // Files hold what was there before, and what is hidden.
    if (!wanted.every(({ seen }) => seen?.isWhole)) {
      throw new HakiriError(
        'access.denied',
        'An archive holds tables as they are, and not all is seen of them',
        {
          hint: 'Export rows: `hakiri export --table <table>`.',
        },
      );
    }
    const answer = wanted.map(({ table }) => table);
    return { answer, rows: 0, reads: answer.map((table) => countedRead(table, null, undefined)) };
  };

  const exportArchive = async (request: ArchiveRequest, grant: Grant): Promise<Exported> => {
    const call = { action: 'export' as const, grant, request: exportedOf(request) };
    // On record first: its pieces leave while it is written.
    const tables = await recorded(call, () => archived(request, grant));
    const { write, signal } = request;
    return { rows: undefined, ...(await writeArchive(store, { files: nodeFiles, tables, write, signal })) };
  };

  return {
    query: (request, grant) =>
      recorded({ action: 'query', grant, request: withoutLimits(request) }, () => query(request, grant)),
    tables: (grant) =>
      recorded({ action: 'tables', grant, request: null }, async () => {
        const served = servedTables(parts, await tablesNow(grant), grant);
        const answer = await Promise.all(
          served.map((one) => summarizeTable(store, one, notes.get(one.table.name))),
        );
        return { answer, rows: answer.length, reads: [] };
      }),
    describe: (name, grant) =>
      recorded({ action: 'describe', grant, request: name, target: name }, async () => {
        const served = await requireNow(name, grant);
        const { retentionMs, tombstoneRetentionMs } = keeping?.(served.table) ?? TABLE_DEFAULTS;
        const ask = async (request: QueryRequest) => {
          const { answer, reads } = await query(request, grant);
          return { rows: answer.rows, reads };
        };
        const { description, reads } = await describer.describe(
          served,
          notes.get(served.table.name),
          { retentionMs, tombstoneRetentionMs },
          ask,
        );
        return { answer: description, rows: description.examples.length, reads };
      }),
    get: (request, grant) =>
      recorded({ action: 'get', grant, request, target: request.table }, async () => {
        const { rows, read } = await getRows(parts, await requireNow(request.table, grant), request);
        return { answer: rows, rows: read.keys?.length ?? 0, reads: [read] };
      }),
    export: (request, grant) =>
      request.kind === 'archive'
        ? exportArchive(request, grant)
        : recorded({ action: 'export', grant, request: exportedOf(request) }, () =>
            exportRows(request, grant),
          ),
    async close() {
      known.close();
      await store.close();
    },
  };
}

function withoutPredicates(reads: readonly AuditRead[]): readonly AuditRead[] {
  return reads.map((read) => ({ ...read, predicate: null }));
}

type RowsExportRequest = Extract<ExportRequest, { kind: 'rows' }>;
type ArchiveRequest = Extract<ExportRequest, { kind: 'archive' }>;

function exportedOf(request: ExportRequest): unknown {
  if (request.kind === 'archive') return { kind: request.kind, tables: request.tables };
  return { kind: request.kind, rows: request.rows, format: request.format };
}

/** What is written to a file goes row by row past everybody: which they were, predicate and snapshot say. */
function exportReads(
  request: RowsRequest,
  { tables }: Moment,
  reads: QueryReads,
  predicates: Readonly<Record<string, string>>,
): readonly AuditRead[] {
  if ('table' in request) {
    const found = tables.filter(({ name }) => name === request.table);
    return found.map((table) => countedRead(table, request.filter ?? null, requestColumns(request, table)));
  }
  const used = tables.filter(({ name }) => reads.views.includes(name));
  return used.map((table) => countedRead(table, predicates[table.name] ?? null, readColumns(table, reads)));
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
