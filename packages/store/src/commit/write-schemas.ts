import { canonicalArrowJson, type SchemaFingerprint, type TableName, type TableSchema } from '@hakiri/core';
import { writeDurably } from '../disk/durable.ts';
import { schemaFile } from '../disk/layout.ts';
import type { StoreContext } from '../store-context.ts';

/** Writes the schemas that a manifest is about to name, those that are not there yet. */
export async function writeSchemas(
  { files, paths }: Pick<StoreContext, 'files' | 'paths'>,
  table: TableName,
  schemas: ReadonlyMap<SchemaFingerprint, TableSchema>,
): Promise<void> {
  for (const [name, schema] of schemas) {
    const path = paths.absolute(schemaFile(table, name));
    if (await files.stat(path)) continue;
    await files.makeFolder(paths.absolute(`tables/${table}/schemas`));
    await writeDurably(files, path, canonicalArrowJson(schema));
  }
}
