import type { Citation, JsonValue, TableName } from '@hakiri/core';
import type { Store } from '@hakiri/store';

/** The rows of a key, wherever they are now. */
export type Source = Pick<Citation, 'key'> & { readonly table: TableName };

/**
 * Whether all that each row was made of is still there. What was deleted after an answer was begun is not in the
 * rest of it.
 */
export async function stillThere(
  { rows, catalog }: Pick<Store, 'rows' | 'catalog'>,
  sources: readonly (readonly Source[])[],
): Promise<readonly boolean[]> {
  const keys = new Map<TableName, Map<string, readonly JsonValue[]>>();
  for (const { table, key } of sources.flat()) {
    const known = keys.get(table) ?? new Map<string, readonly JsonValue[]>();
    keys.set(table, known.set(JSON.stringify(key), key));
  }
  const gone = new Set<string>();
  for (const [table, wanted] of keys) {
    const isThere = (await catalog.table(table)) !== undefined;
    const found = isThere ? await rows(table, [...wanted.values()]) : [];
    [...wanted.keys()].forEach((text, i) => {
      if (found[i] === undefined) gone.add(`${table}${text}`);
    });
  }
  return sources.map((row) => row.every(({ table, key }) => !gone.has(`${table}${JSON.stringify(key)}`)));
}
