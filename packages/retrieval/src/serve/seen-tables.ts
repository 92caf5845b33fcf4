import type { SeenTable } from '@hakiri/access';
import type { CatalogTable, Grant, TableSchema } from '@hakiri/core';
import { wholeTable } from '../query/whole-table.ts';

/** What a grant sees of a table; undefined where to that grant there is no such table. */
export type Seen = (table: CatalogTable, grant: Grant) => SeenTable | undefined;

/** Of one state of a table; grants that nobody uses any more make room. */
const MAX_GRANTS = 200;

/** Decided once for a grant and a schema: both are the same object or digest from one request to the next. */
export function seenTables(policies: Seen = wholeTable): Seen {
  const known = new WeakMap<TableSchema, Map<string, SeenTable | undefined>>();
  return (table, grant) => {
    if (grant.asOwner) return wholeTable(table);
    const seen = known.get(table.schema) ?? new Map<string, SeenTable | undefined>();
    known.set(table.schema, seen);
    const name = JSON.stringify([table.name, table.mode, table.primaryKey, grant.digest]);
    if (seen.has(name)) return seen.get(name);
    const made = policies(table, grant);
    const [oldest] = seen.keys();
    if (seen.size >= MAX_GRANTS && oldest !== undefined) seen.delete(oldest);
    seen.set(name, made);
    return made;
  };
}
