import {
  type Answer,
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
  type TableName,
  type TableSummary,
  tableParts,
  typeName,
} from '@hakiri/core';
import { nodeFiles, type Store, summarizeSmallWrites } from '@hakiri/store';
import { lastCommitOf } from '../serve/answer.ts';
import type { ServeParts } from '../serve/parts.ts';
import { bounded, pinned } from '../serve/pin.ts';
import type { SearchServices } from '../serve/search-services.ts';
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

export async function summarizeTable(
  store: Store,
  table: CatalogTable,
  notes: TableNotes | undefined,
): Promise<TableSummary> {
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

export interface Describer {
  describe(
    table: CatalogTable,
    notes: TableNotes | undefined,
    keeping: TableKeeping,
    ask: (request: QueryRequest) => Promise<Answer>,
  ): Promise<TableDescription>;
}

/** What takes a query is asked once for each state of a table. */
interface Sampled {
  readonly version: string;
  readonly rows: number;
  readonly examples: TableDescription['examples'];
}

const EXAMPLES = 3;
/** More names than that tell nothing more of how a table is cut. */
const MAX_PARTITION_NAMES = 20;

export function createDescriber({ store, search }: Pick<ServeParts, 'store' | 'search'>): Describer {
  const samples = new Map<TableName, Sampled>();

  const sample = async (
    table: CatalogTable,
    ask: (request: QueryRequest) => Promise<Answer>,
  ): Promise<Sampled> => {
    const version = JSON.stringify(pinned(bounded(store, table)));
    const known = samples.get(table.name);
    if (known?.version === version) return known;
    const { rows } = await ask({
      table: table.name,
      limit: EXAMPLES,
      maxBytes: MAX_EXAMPLE_BYTES,
      once: true,
    }).catch(withoutExamples);
    const sampled = {
      version,
      rows: countOf(table) ?? (await countRows(table, ask)),
      examples: rows.map((row) => row.map(shortened)),
    };
    samples.set(table.name, sampled);
    return sampled;
  };

  return {
    async describe(table, notes, keeping, ask) {
      const { catalog } = store;
      const { rows, examples } = await sample(table, ask);
      const history = await catalog.schemaHistory(table.name);
      const collected = await catalog.collectedRuns(table.name);
      return {
        ...(await summarizeTable(store, table, notes)),
        rows,
        mode: table.mode,
        primaryKey: table.primaryKey,
        incremental: table.incremental ?? undefined,
        subjectColumns: table.subjectColumns,
        columns: table.schema.columns.map(
          (column): ColumnDescription => ({
            name: column.name,
            type: typeName(column.type),
            key: table.primaryKey.includes(column.name),
            hint: notes?.hints.get(column.name),
          }),
        ),
        pipelines: table.pipelines,
        schemaHistory: history.map(({ fingerprint, at, changes }) => ({ fingerprint, since: at, changes })),
        quarantined: table.setAside,
        past: {
          runs: (await catalog.runs(table.name)).filter(({ run }) => !collected.has(run)).length,
          snapshots: (await catalog.snapshots(table.name)).length,
        },
        ...keeping,
        indexes: search === undefined ? [] : await describeIndexes(search, table),
        examples,
        partitions: partitionNames(table),
        ageMs: Math.max(0, Date.now() - Date.parse(lastCommitOf(store, table))),
      };
    },
  };
}

/** A row that is larger than all examples may be is not one. */
const MAX_EXAMPLE_BYTES = 1_000_000;

function withoutExamples(error: unknown): Pick<Answer, 'rows'> {
  if (isHakiriError(error) && error.code === 'query.too_large') return { rows: [] };
  throw error;
}

/** Where nothing lies beside the snapshot, its manifest has counted. */
function countOf({ snapshot, newer, deltas }: CatalogTable): number | undefined {
  if (snapshot === undefined || newer.length + deltas.length > 0) return undefined;
  return snapshot.manifest.rows - snapshot.manifest.tombstones;
}

async function countRows(
  { name }: CatalogTable,
  ask: (request: QueryRequest) => Promise<Answer>,
): Promise<number> {
  const { rows } = await ask({ sql: `SELECT count(*) FROM ${quoteIdentifier(name)}` });
  return Number(rows[0]?.[0] ?? 0);
}

async function describeIndexes(
  search: SearchServices,
  table: CatalogTable,
): Promise<readonly IndexDescription[]> {
  const behind = new Map((await search.behind(table)).map(({ name, rowsBehind }) => [name, rowsBehind]));
  return search.indexes(table.name).map((spec): IndexDescription => {
    const { kind, name, columns } = spec;
    const rowsBehind = behind.get(name) ?? 0;
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
