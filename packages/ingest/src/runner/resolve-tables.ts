import {
  type ColumnSpec,
  type ConflictAction,
  defaultTableName,
  HakiriError,
  type LogicalType,
  nearest,
  type Partitioning,
  type Pipeline,
  parseAccessPattern,
  type Source,
  TABLE_DEFAULTS,
  type Table,
  type TableInfo,
  type TableMode,
  type TableName,
  type TableSchema,
  type UnknownColumns,
} from '@hakiri/core';

/** One table of a pipeline with everything decided: the manifest's word, else the source's, else the default. */
export interface ResolvedTable {
  readonly info: TableInfo;
  readonly name: TableName;
  readonly mode: TableMode;
  readonly primaryKey: readonly string[];
  /** Undefined in a `replace` table: there only the time of the pull counts. */
  readonly incremental: string | undefined;
  readonly partitioning: Partitioning | undefined;
  readonly retentionMs: number;
  readonly tombstoneRetentionMs: number;
  readonly subjectColumns: readonly string[];
  readonly onConflict: ConflictAction;
  readonly unknownColumns: UnknownColumns;
  readonly commitEveryRows: number;
  /** Types that hold whatever the data looks like. */
  readonly declared: TableSchema;
}

/** Whether one row a key counts; otherwise every row does. */
export function isKeyed({ mode }: Pick<ResolvedTable, 'mode'>): boolean {
  return mode !== 'append';
}

/** @throws HakiriError usage.unknown_name for a table the source does not offer, manifest.wrong_type */
export async function resolveTables(pipeline: Pipeline, source: Source): Promise<readonly ResolvedTable[]> {
  const offered = await source.discover();
  const wanted: readonly (Table | undefined)[] = pipeline.tables ?? offered.map(() => undefined);
  return Promise.all(
    wanted.map((table, i) => {
      const info = table === undefined ? offered[i] : offered.find(({ name }) => name === table.source);
      if (!info) throw unknownTable(pipeline, table?.source ?? '', offered);
      return resolveTable(pipeline, source, info, table);
    }),
  );
}

async function resolveTable(
  pipeline: Pipeline,
  source: Source,
  info: TableInfo,
  table: Table | undefined,
): Promise<ResolvedTable> {
  const primaryKey = table?.primaryKey ?? info.primaryKey;
  const mode = table?.mode ?? (primaryKey.length > 0 ? 'merge' : 'append');
  if (isKeyed({ mode }) && primaryKey.length === 0) {
    throw new HakiriError(
      'manifest.wrong_type',
      `Table ${info.name} of pipeline ${pipeline.id} has mode = "${mode}" but no primary_key`,
      { hint: 'Give it a primary_key, or set mode = "append".' },
    );
  }
  // The pipeline's is for tables whose source knows no better: another table of it may not have that column.
  const incremental = table?.incremental ?? info.incremental ?? pipeline.incremental;
  // A table that is replaced has no incremental column: rows of a later pull are newer, whatever they hold.
  const decides = mode === 'replace' ? undefined : incremental;
  return {
    info,
    name: table?.name ?? defaultTableName(pipeline.source.connector, info.name),
    mode,
    primaryKey,
    incremental: decides,
    partitioning:
      table?.accessPattern === undefined ? undefined : parseAccessPattern(table.accessPattern, decides),
    retentionMs: table?.retentionMs ?? pipeline.retentionMs ?? TABLE_DEFAULTS.retentionMs,
    tombstoneRetentionMs:
      table?.tombstoneRetentionMs ?? pipeline.tombstoneRetentionMs ?? TABLE_DEFAULTS.tombstoneRetentionMs,
    subjectColumns: table?.subjectColumns ?? [],
    onConflict: table?.onConflict ?? TABLE_DEFAULTS.onConflict,
    unknownColumns: table?.unknownColumns ?? TABLE_DEFAULTS.unknownColumns,
    commitEveryRows: table?.commitEveryRows ?? TABLE_DEFAULTS.commitEveryRows,
    declared: declaredSchema((await source.schema(info.name)) ?? { columns: [] }, table?.columns ?? []),
  };
}

/** The manifest's types over the source's. */
function declaredSchema(fromSource: TableSchema, specs: readonly ColumnSpec[]): TableSchema {
  const types = new Map<string, LogicalType>(fromSource.columns.map(({ name, type }) => [name, type]));
  for (const { name, type } of specs) if (type) types.set(name, type);
  return { columns: [...types].map(([name, type]) => ({ name, type })) };
}

function unknownTable(pipeline: Pipeline, name: string, offered: readonly TableInfo[]): HakiriError {
  const names = offered.map((info) => info.name);
  const near = nearest(name, names);
  const suggestion = Array.isArray(near) ? near[0] : near;
  return new HakiriError(
    'usage.unknown_name',
    `Pipeline ${pipeline.id} lists the table "${name}", which its source does not offer`,
    {
      hint:
        suggestion === undefined
          ? `It offers: ${names.join(', ')}.`
          : `Did you mean "${suggestion}"? It offers: ${names.join(', ')}.`,
    },
  );
}
