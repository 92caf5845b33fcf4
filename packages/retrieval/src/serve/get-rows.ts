import type { CatalogTable, FoundRow, GetRequest, JsonValue } from '@hakiri/core';
import { citeRows, keyColumns, valueAt } from '../cite/citations.ts';
import { findPath } from '../query/columns.ts';
import { withProvenance } from '../query/structured-sql.ts';
import type { ServeParts } from './parts.ts';

/**
 * Rows by key, each with where it comes from; undefined where there is none.
 * @throws HakiriError query.unknown_column
 */
export async function getRows(
  { store, lineages, project }: ServeParts,
  table: CatalogTable,
  { keys, select }: GetRequest,
): Promise<readonly (FoundRow | undefined)[]> {
  const schema = withProvenance(table.schema);
  const paths = select?.map((name) => [name, findPath(name, schema).path] as const);
  const rows = await store.rows(table.name, keys);
  const found = rows.flatMap((row, i) => {
    if (row === undefined) return [];
    const own = {
      _hakiri_run: row.run,
      _hakiri_seq: row.seq,
      _hakiri_deleted: false,
      _hakiri_order: row.order,
    };
    const all: Readonly<Record<string, JsonValue>> = { ...row.values, ...own };
    return [
      {
        index: i,
        values:
          paths === undefined
            ? row.values
            : Object.fromEntries(paths.map(([name, path]) => [name, fieldAt(all, path)])),
        cited: {
          key: keyColumns(table).map((name) => all[name] ?? null),
          run: row.run,
          incremental: table.incremental === null ? undefined : valueAt(row.values, table.incremental),
        },
      },
    ];
  });
  const citations = await citeRows(
    lineages,
    project,
    table,
    found.map(({ cited }) => cited),
  );
  const answer: (FoundRow | undefined)[] = rows.map(() => undefined);
  found.forEach(({ index, values }, i) => {
    const citation = citations[i];
    if (citation) answer[index] = { values, citation };
  });
  return answer;
}

/** A field of null is null. */
export function fieldAt(values: Readonly<Record<string, JsonValue>>, path: readonly string[]): JsonValue {
  return path.reduce<JsonValue>((value, name) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return value[name] ?? null;
  }, values);
}
