import type { SeenTable } from '@hakiri/access';
import { type CatalogTable, type Grant, HakiriError } from '@hakiri/core';
import type { ServeParts } from './parts.ts';

/** What a grant sees of a table of its moment; the others are not in it. */
export function seenOf({ seen }: Pick<ServeParts, 'seen'>, table: CatalogTable, grant: Grant): SeenTable {
  const found = seen(table, grant);
  if (found) return found;
  throw new HakiriError('internal', 'A table was asked for that the grant does not see');
}
