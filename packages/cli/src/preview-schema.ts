import { EMPTY_SCHEMA, type JobId, type Lineage, type Pipeline } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import type { PreviewInput, ResolvedTable } from '@hakiri/ingest';
import { fileColumns, nextSchema, type Store } from '@hakiri/store';

/** What a first batch of that shape would change in the table's schema, in words. */
export async function previewSchema(
  engine: Engine,
  store: Store | undefined,
  pipeline: Pipeline,
  table: ResolvedTable,
  input: PreviewInput,
  lineage: Lineage,
): Promise<readonly string[]> {
  const incoming =
    input.kind === 'file'
      ? (await fileColumns(engine, input, { ...table, redactor: input.redactor }, input.known)).schema
      : input.schema;
  const output = input.transform === undefined ? incoming : await engine.describe(incoming, input.transform);
  const current = (await store?.catalog.table(table.name))?.schema ?? EMPTY_SCHEMA;
  const { name, mode, primaryKey, incremental, subjectColumns, onConflict, info } = table;
  const { changes } = nextSchema(current, output, {
    job: '' as JobId,
    pipeline: pipeline.id,
    sourceTable: info.name,
    table: name,
    mode,
    primaryKey,
    incremental,
    subjectColumns,
    onConflict,
    declared: input.declared,
    transform: input.transform,
    lineage,
  });
  return changes;
}
