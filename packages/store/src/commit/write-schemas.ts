import { canonicalArrowJson, type SchemaFingerprint, type TableName, type TableSchema } from '@hakiri/core';
import { writeDurably } from '../disk/durable.ts';
import { schemaFile } from '../disk/layout.ts';
import type { StoreContext } from '../store-context.ts';

/** Writes the schemas that a manifest is about to name, those that are not there yet. All are there for good then. */
export async function writeSchemas(
  { files, paths }: Pick<StoreContext, 'files' | 'paths'>,
  table: TableName,
  schemas: ReadonlyMap<SchemaFingerprint, TableSchema>,
): Promise<void> {
  const folder = paths.absolute(`tables/${table}/schemas`);
  let isFlushed = true;
  for (const [name, schema] of schemas) {
    const path = paths.absolute(schemaFile(table, name));
    if (await files.stat(path)) {
      isFlushed = false;
      continue;
    }
    await files.makeFolder(folder);
    await writeDurably(files, path, canonicalArrowJson(schema));
    isFlushed = true;
  }
  // Whoever wrote one that is there may have died, or failed, before its name was flushed.
  if (!isFlushed) await files.syncFolder(folder);
}
