import {
  type Answer,
  type AuditRead,
  BUILT_IN_MODEL,
  type CatalogTable,
  type ColumnDescription,
  type IndexDescription,
  isHakiriError,
  type Partitioning,
  type QueryRequest,
  quoteIdentifier,
  type SnapshotSummary,
  type TableDescription,
  type TableSummary,
  tableParts,
  typeName,
} from '@hakiri/core';
import { nodeFiles, type Store, summarizeSmallWrites } from '@hakiri/store';
import { lookUpPath } from '../query/columns.ts';
import type { ServedTable } from '../query/session.ts';
import { indexFreshness, lastCommitOf } from '../serve/answer.ts';
import type { ServeParts } from '../serve/parts.ts';
import { bounded, pinned } from '../serve/pin.ts';
import type { SearchServices } from '../serve/search-services.ts';
import { visibleIndexes } from '../serve/visible-indexes.ts';
import { shortened } from './shortened.ts';

/** What the manifest says of a table for those who read it. */
export interface TableNotes {
  readonly description: string | undefined;
  readonly hints: ReadonlyMap<string, string>;
}

/** What the manifest says of how a table is kept, milliseconds. */
export interface TableKeeping {
  readonly retentionMs: number;
  readonly tombstoneRetentionMs: number;
}

/** Files and runs are those of all rows: told to whoever sees them. */
export async function summarizeTable(
  store: Store,
  { table, seen }: ServedTable,
  notes: TableNotes | undefined,
): Promise<TableSummary> {
  if (!seen.isWhole) {
    return {
      name: table.name,
      description: notes?.description,
      lastCommit: lastCommitOf(store, table),
      ...UNTOLD,
    };
  }
  const parts = tableParts(table);
  const small = await summarizeSmallWrites(store, nodeFiles, table);
  return {
    name: table.name,
    description: notes?.description,
    storedRows: parts.reduce((sum, { rows }) => sum + rows, 0) + small.rows,
    parts: parts.length,
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0) + small.bytes,
    lastCommit:
      small.lastCommit !== undefined && small.lastCommit > table.lastCommit
        ? small.lastCommit
        : table.lastCommit,
    snapshot: table.snapshot && snapshotSummary(table.snapshot.manifest),
    runsBeside: new Set(table.newer.map(({ run }) => run)).size,
    smallWrites: small.rows,
  };
}

const UNTOLD = {
  storedRows: undefined,
  parts: undefined,
  bytes: undefined,
  snapshot: undefined,
  runsBeside: undefined,
  smallWrites: undefined,
} as const;

export interface Described {
  readonly description: TableDescription;
  /** What its examples and its count were taken from. */
  readonly reads: readonly AuditRead[];
}

/** An answer, and what it drew on. */
export interface Asked extends Pick<Answer, 'rows'> {
  readonly reads: readonly AuditRead[];
}

type Ask = (request: QueryRequest) => Promise<Asked>;

export interface Describer {
  describe(
    table: ServedTable,
    notes: TableNotes | undefined,
    keeping: TableKeeping,
    ask: Ask,
  ): Promise<Described>;
}

/** What takes a query is asked once for each state of a table, and for whoever sees the same of it. */
interface Sampled {
  readonly version: string;
  readonly rows: number | undefined;
  readonly examples: TableDescription['examples'];
  readonly reads: readonly AuditRead[];
}

const EXAMPLES = 3;
/** More names than that tell nothing more of how a table is cut. */
const MAX_PARTITION_NAMES = 20;

export function createDescriber({ store, search }: Pick<ServeParts, 'store' | 'search'>): Describer {
  const samples = new Map<string, Sampled>();

  const sample = async ({ table, seen }: ServedTable, ask: Ask): Promise<Sampled> => {
    const name = `${table.name} ${seen.digest}`;
    const version = JSON.stringify(pinned(bounded(store, table)));
    const known = samples.get(name);
    if (known?.version === version) return known;
    const sampled = { version, ...(await sampleRows({ table, seen }, ask)) };
    samples.delete(name);
    samples.set(name, sampled);
    const [oldest] = samples.keys();
    if (samples.size > MAX_SAMPLES && oldest !== undefined) samples.delete(oldest);
    return sampled;
  };

  return {
    async describe(served, notes, keeping, ask) {
      const { catalog } = store;
      const { table, seen } = served;
      const { rows, examples, reads } = await sample(served, ask);
      const isServed = (path: string): boolean => lookUpPath(path, seen.schema) !== undefined;
      const description = {
        ...(await summarizeTable(store, served, notes)),
        rows,
        mode: table.mode,
        primaryKey: table.primaryKey.filter(isServed),
        incremental:
          table.incremental !== null && isServed(table.incremental) ? table.incremental : undefined,
        subjectColumns: table.subjectColumns.filter(isServed),
        columns: seen.schema.columns.map(
          (column): ColumnDescription => ({
            name: column.name,
            type: typeName(column.type),
            key: table.primaryKey.includes(column.name),
            hint: notes?.hints.get(column.name),
          }),
        ),
        pipelines: table.pipelines,
        ...(seen.isWhole ? await historyOf(catalog, table) : NO_HISTORY),
        ...keeping,
        indexes: search === undefined ? [] : await describeIndexes(search, served),
        examples,
        partitions: seen.isWhole ? partitionNames(table) : [],
        ageMs: Math.max(0, Date.now() - Date.parse(lastCommitOf(store, table))),
      };
      return { description, reads };
    },
  };
}

/** Of states of tables, each as somebody sees it. */
const MAX_SAMPLES = 200;

async function sampleRows({ table, seen }: ServedTable, ask: Ask): Promise<Omit<Sampled, 'version'>> {
  if (!seen.canRead) {
    const counted = seen.minGroup === undefined ? undefined : await countRows(table, ask);
    return { rows: counted?.count, examples: [], reads: counted?.reads ?? [] };
  }
  const { rows, reads } = await ask({
    table: table.name,
    limit: EXAMPLES,
    maxBytes: MAX_EXAMPLE_BYTES,
    once: true,
  }).catch(withoutExamples);
  const known = seen.isWhole ? countOf(table) : undefined;
  const counted = known === undefined ? await countRows(table, ask) : { count: known, reads: [] };
  return {
    rows: counted.count,
    examples: rows.map((row) => row.map(shortened)),
    reads: [...reads, ...counted.reads],
  };
}

const NO_HISTORY = { schemaHistory: [], quarantined: undefined, past: undefined } as const;

async function historyOf(
  catalog: Store['catalog'],
  table: CatalogTable,
): Promise<Pick<TableDescription, 'schemaHistory' | 'quarantined' | 'past'>> {
  const history = await catalog.schemaHistory(table.name);
  const collected = await catalog.collectedRuns(table.name);
  return {
    schemaHistory: history.map(({ fingerprint, at, changes }) => ({ fingerprint, since: at, changes })),
    quarantined: table.setAside,
    past: {
      runs: (await catalog.runs(table.name)).filter(({ run }) => !collected.has(run)).length,
      snapshots: (await catalog.snapshots(table.name)).length,
    },
  };
}

/** A row that is larger than all examples may be is not one. */
const MAX_EXAMPLE_BYTES = 1_000_000;

function withoutExamples(error: unknown): Asked {
  if (isHakiriError(error) && error.code === 'query.too_large') return { rows: [], reads: [] };
  throw error;
}

/** Where nothing lies beside the snapshot, its manifest has counted. */
function countOf({ snapshot, newer, deltas }: CatalogTable): number | undefined {
  if (snapshot === undefined || newer.length + deltas.length > 0) return undefined;
  return snapshot.manifest.rows - snapshot.manifest.tombstones;
}

/** Undefined where they are too few to be counted. */
async function countRows(
  { name }: CatalogTable,
  ask: Ask,
): Promise<{ readonly count: number | undefined; readonly reads: readonly AuditRead[] }> {
  const { rows, reads } = await ask({ sql: `SELECT count(*) FROM ${quoteIdentifier(name)}` });
  const [count] = rows[0] ?? [];
  return { count: count === undefined || count === null ? undefined : Number(count), reads };
}

async function describeIndexes(
  search: SearchServices,
  served: ServedTable,
): Promise<readonly IndexDescription[]> {
  const { table, seen } = served;
  const told = indexFreshness(await search.behind(table), served, search);
  const behind = new Map(told.map(({ name, rowsBehind }) => [name, rowsBehind]));
  return visibleIndexes(search.indexes(table.name), table.schema, seen).map((spec): IndexDescription => {
    const { kind, name, columns } = spec;
    const rowsBehind = behind.get(name) ?? (seen.isWhole ? 0 : undefined);
    if (spec.kind === 'fts') return { kind, name, columns, analyzer: spec.analyzer, rowsBehind };
    const { model, dims } = spec;
    const modelKind = model === BUILT_IN_MODEL ? 'lexical' : 'semantic';
    return { kind, name, columns, model, dims, modelKind, rowsBehind };
  });
}

function partitionNames({ snapshot }: CatalogTable): readonly string[] {
  const names = (snapshot?.manifest.partitions ?? []).map(({ partition }) => partition);
  return names.filter((name) => name !== '').slice(0, MAX_PARTITION_NAMES);
}

function snapshotSummary(manifest: NonNullable<CatalogTable['snapshot']>['manifest']): SnapshotSummary {
  return {
    id: manifest.snapshot,
    createdAt: manifest.created_at,
    rows: manifest.rows,
    tombstones: manifest.tombstones,
    partitions: manifest.partitions.length,
    partitionedBy: manifest.partitioning === null ? undefined : inWords(manifest.partitioning),
  };
}

function inWords(partitioning: Partitioning): string {
  return partitioning.kind === 'by'
    ? partitioning.column
    : `the last ${partitioning.days} days of ${partitioning.column}`;
}
