import type { AuditRead, CatalogTable, JsonValue, StructuredRequest } from '@hakiri/core';
import type { QueryReads } from '@hakiri/engine';
import { parseOrder } from '../query/columns.ts';

/** Rows that were given, by the key that the store knows them by. */
export function returnedRead(
  table: CatalogTable,
  keys: readonly (readonly JsonValue[])[],
  columns: readonly string[] | undefined,
): AuditRead {
  const once = new Map(keys.map((key) => [JSON.stringify(key), key]));
  return { ...countedRead(table, null, columns), how: 'returned', keys: [...once.values()] };
}

/** Rows that may have had a part in what was given. */
export function countedRead(
  table: CatalogTable,
  predicate: string | null,
  columns: readonly string[] | undefined,
): AuditRead {
  return {
    table: table.name,
    how: 'counted',
    snapshot: table.snapshot?.manifest.snapshot ?? null,
    predicate,
    ...(columns === undefined ? {} : { columns }),
  };
}

/** Columns of a table that a SELECT may have made use of; undefined: any. */
export function readColumns(
  { schema }: CatalogTable,
  { columns }: QueryReads,
): readonly string[] | undefined {
  if (columns === null) return undefined;
  const named = new Set(columns);
  return schema.columns.map(({ name }) => name).filter((name) => named.has(name.toLowerCase()));
}

/** The same of a structured request; a search looks at columns that are not named. */
export function requestColumns(
  { select = [], filter = '', orderBy = [], search }: StructuredRequest,
  { schema }: CatalogTable,
): readonly string[] | undefined {
  if (search !== undefined || select.length === 0) return undefined;
  const named = [...select, ...orderBy.map((entry) => parseOrder(entry).name)].map((name) =>
    name.toLowerCase(),
  );
  const text = filter.toLowerCase();
  return schema.columns
    .map(({ name }) => name)
    .filter((column) => {
      const lower = column.toLowerCase();
      return text.includes(lower) || named.some((name) => name === lower || name.startsWith(`${lower}.`));
    });
}
