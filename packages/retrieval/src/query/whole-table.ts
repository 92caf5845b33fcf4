import type { SeenTable } from '@hakiri/access';
import type { CatalogTable } from '@hakiri/core';

/** A table of which nothing is kept back. */
export function wholeTable({ schema }: Pick<CatalogTable, 'schema'>): SeenTable {
  return {
    schema,
    isWhole: true,
    seesAllRows: true,
    minGroup: undefined,
    canSearch: true,
    canRead: true,
    clearColumns: new Set(schema.columns.map(({ name }) => name)),
    scrubbedColumns: new Set(),
    acted: [],
    key: 'clear',
    digest: '',
    select: (from) => `SELECT * FROM ${from}`,
    row: (values) => values,
  };
}
