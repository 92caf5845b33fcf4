import {
  type CatalogTable,
  type PartEntry,
  parseArrowJson,
  type RunId,
  type RunManifest,
  type SchemaFingerprint,
  type SnapshotManifest,
  type TableName,
  type TableSchema,
  tableParts,
} from '@hakiri/core';
import { readDeltaHead } from '../delta/delta-file.ts';
import { schemaFile } from '../disk/layout.ts';
import { findDeltas } from '../recovery/find-deltas.ts';
import type { StoreContext } from '../store-context.ts';
import { deltaSource, partSource, type Source, type TableFacts } from './sources.ts';

/** Everything the catalog knows of a table, and every file of it that holds rows. */
export interface TableFiles {
  readonly facts: TableFacts;
  /** Collected ones included: their manifests are still known. */
  readonly runs: readonly RunManifest[];
  readonly collected: ReadonlySet<RunId>;
  readonly snapshots: readonly SnapshotManifest[];
  readonly sources: readonly Source[];
  /** Paths of those that the table is made of now; undefined for files that are not part of a table yet. */
  readonly viewed: ReadonlySet<string> | undefined;
}

export async function tableFiles(context: StoreContext, table: CatalogTable): Promise<TableFiles> {
  const { catalog, files, paths } = context;
  const runs = await catalog.runs(table.name);
  const collected = await catalog.collectedRuns(table.name);
  const snapshots = await catalog.snapshots(table.name);
  const schemaOf = schemaReader(context, table.name);
  const parts = new Map<string, PartEntry>();
  for (const run of runs)
    if (!collected.has(run.run)) for (const part of run.parts) parts.set(part.path, part);
  for (const { partitions } of snapshots) {
    for (const part of partitions.flatMap((partition) => partition.parts)) parts.set(part.path, part);
  }
  const sources: Source[] = [];
  for (const part of parts.values()) sources.push(partSource(context, part, await schemaOf(part.schema)));
  const deltas = (await findDeltas(files, paths)).filter((found) => found.table === table.name);
  for (const { run, path } of deltas) {
    const { head } = await readDeltaHead(files, paths, path);
    const relative = path.slice(paths.context.length + 1);
    sources.push(deltaSource(context, { run, path: relative, columns: await schemaOf(head.schema) }));
  }
  const subjectColumns = new Set([
    ...table.subjectColumns,
    ...[...runs, ...snapshots].flatMap((manifest) => manifest.subject_columns),
  ]);
  return {
    facts: { ...table, subjectColumns: [...subjectColumns] },
    runs,
    collected,
    snapshots,
    sources,
    viewed: new Set([...tableParts(table), ...table.deltas].map(({ path }) => path)),
  };
}

/** Reads each schema once. */
export function schemaReader(
  { files, paths }: Pick<StoreContext, 'files' | 'paths'>,
  table: TableName,
): (name: SchemaFingerprint) => Promise<TableSchema> {
  const known = new Map<SchemaFingerprint, TableSchema>();
  return async (name) => {
    const schema =
      known.get(name) ?? parseArrowJson(await files.readText(paths.absolute(schemaFile(table, name))));
    known.set(name, schema);
    return schema;
  };
}
