import { manifestFacts } from '@hakiri/access';
import type { IndexSpec, Manifest, PiiType, TableName } from '@hakiri/core';
import { tableNameOf } from '@hakiri/core/manifest';
import { withTwins } from '@hakiri/retrieval/indexes';
import { isMemoryTable, MEMORY_INDEXES } from '@hakiri/retrieval/memory';

/** A manifest that is read anew is another object. */
const known = new WeakMap<Manifest, Map<TableName, readonly IndexSpec[]>>();

/** Indexes by the table's name in the store, with their twins; those of memory are not in any manifest. */
export function declaredIndexes(manifest: Manifest, table: TableName): readonly IndexSpec[] {
  if (isMemoryTable(table)) return MEMORY_INDEXES;
  const tables = known.get(manifest) ?? new Map<TableName, readonly IndexSpec[]>();
  known.set(manifest, tables);
  const specs = tables.get(table) ?? withTwins(declaredIn(manifest, table), quotedIn(manifest, table));
  tables.set(table, specs);
  return specs;
}

function declaredIn(manifest: Manifest, table: TableName): readonly IndexSpec[] {
  for (const pipeline of manifest.pipelines) {
    for (const declared of pipeline.tables ?? []) {
      if (declared.indexes.length > 0 && tableNameOf(pipeline, declared) === table) return declared.indexes;
    }
  }
  return [];
}

/** What kinds of value a column's text may quote, by the columns that it `contains`. */
function quotedIn(manifest: Manifest, table: TableName): (column: string) => readonly PiiType[] | undefined {
  const { quotes, other } = manifestFacts(manifest)(table);
  return (column) => {
    const quoted = quotes(column);
    if (quoted.length === 0) return undefined;
    return quoted.flatMap((path) => {
      const dot = path.indexOf('.');
      return other(path.slice(0, dot)).piiType(path.slice(dot + 1)) ?? [];
    });
  };
}
