import { mergeSchemas, type TableSchema } from '@hakiri/core';

/**
 * A table's columns once a run is taken in. As a rule the newest run's, which knew those before it; one that was
 * made elsewhere may know others. Where the two contradict each other, the newer of them counts.
 */
export function mergedSchema(
  current: TableSchema,
  run: { readonly schema: TableSchema; readonly isNewest: boolean },
): TableSchema {
  const { schema, conflicts } = mergeSchemas(current, run.schema);
  if (conflicts.length > 0) return run.isNewest ? run.schema : current;
  return schema;
}
