import { assumedSchema, pathsOf } from '@hakiri/access';
import { isHakiriError, type Manifest, type TableSchema } from '@hakiri/core';
import { tableNameOf } from '@hakiri/core/manifest';
import type { Project } from './services.ts';

/** A table as policies are told of: as it is in the store, or as far as the manifest speaks of it. */
export interface PolicyTable {
  readonly name: string;
  readonly schema: TableSchema;
  readonly isStored: boolean;
}

/** Those of the store, and those of the manifest that are not there yet; sorted by name. */
export async function policyTables(project: Project): Promise<readonly PolicyTable[]> {
  const stored = await storedTables(project);
  const { manifest } = project;
  const tables = new Map<string, PolicyTable>();
  for (const name of spokenOf(manifest)) {
    tables.set(name, { name, schema: assumedSchema(pathsSpokenOf(manifest, name)), isStored: false });
  }
  for (const { name, schema } of stored) tables.set(name, { name, schema, isStored: true });
  return [...tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function storedTables(project: Project) {
  try {
    return await project.storedTables();
  } catch (error) {
    if (isHakiriError(error) && error.code === 'store.not_found') return [];
    throw error;
  }
}

function spokenOf({ pipelines, policies, policyTests }: Manifest): readonly string[] {
  const listed = pipelines.flatMap((pipeline) =>
    (pipeline.tables ?? []).map((table) => tableNameOf(pipeline, table)),
  );
  return [...listed, ...policies.map(({ table }) => table), ...policyTests.map(({ table }) => table)];
}

function pathsSpokenOf({ pipelines, policies, policyTests }: Manifest, name: string): readonly string[] {
  const declared = pipelines.flatMap((pipeline) =>
    (pipeline.tables ?? []).filter((table) => tableNameOf(pipeline, table) === name),
  );
  return [
    ...declared.flatMap(({ primaryKey, columns }) => [
      ...(primaryKey ?? []),
      ...columns.map((column) => column.name),
    ]),
    ...policies.filter(({ table }) => table === name).flatMap(({ columns }) => columns.map((c) => c.name)),
    ...policyTests.filter(({ table }) => table === name).flatMap(pathsOf),
  ];
}
