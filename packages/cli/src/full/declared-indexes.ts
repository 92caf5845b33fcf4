import type { IndexSpec, Manifest, TableName } from '@hakiri/core';
import { tableNameOf } from '@hakiri/core/manifest';
import { isMemoryTable, MEMORY_INDEXES } from '@hakiri/retrieval/memory';

/** Indexes by the table's name in the store; those of memory are not in any manifest. */
export function declaredIndexes(manifest: Manifest, table: TableName): readonly IndexSpec[] {
  if (isMemoryTable(table)) return MEMORY_INDEXES;
  for (const pipeline of manifest.pipelines) {
    for (const declared of pipeline.tables ?? []) {
      if (declared.indexes.length > 0 && tableNameOf(pipeline, declared) === table) return declared.indexes;
    }
  }
  return [];
}
