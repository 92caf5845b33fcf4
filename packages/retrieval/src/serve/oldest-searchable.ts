import { type CatalogTable, HakiriError, type IndexSpec } from '@hakiri/core';
import type { Store } from '@hakiri/store';
import type { SearchServices } from './search-services.ts';

/** Moments that are looked at for the oldest one that can be searched. */
const MAX_MOMENTS = 200;

interface PastSearch {
  readonly store: Pick<Store, 'catalog'>;
  readonly search: SearchServices;
  /** As it was. */
  readonly table: CatalogTable;
  /** Whether the caller may be told when the table was written. */
  readonly isTold: boolean;
}

/**
 * A search in the past must not leave rows out in silence because nothing was built for them then: the error names
 * the oldest time that can be searched.
 */
export async function notSearchable(past: PastSearch, { name }: IndexSpec): Promise<HakiriError> {
  const oldest = past.isTold ? await oldestSearchable(past, name) : undefined;
  return new HakiriError(
    'query.as_of_gone',
    `The index ${name} does not hold what the table ${past.table.name} was then`,
    {
      hint: !past.isTold
        ? 'Ask without a time, or with a filter in place of the search.'
        : oldest === undefined
          ? 'No earlier time can be searched: ask without a time, or with a filter in place of the search.'
          : `The oldest time that can be searched is ${oldest}.`,
      ...(oldest === undefined ? {} : { details: { oldest } }),
    },
  );
}

async function oldestSearchable(
  { store: { catalog }, search, table: { name } }: PastSearch,
  index: string,
): Promise<string | undefined> {
  const commits = (await catalog.runs(name))
    .map(({ committed_at }) => committed_at)
    .toSorted()
    .reverse();
  let oldest: string | undefined;
  for (const time of commits.slice(0, MAX_MOMENTS)) {
    const then = await catalog.tableAsOf(name, { time }).catch(() => undefined);
    const behind = then && (await search.behind(then)).find((one) => one.name === index);
    if (behind === undefined || behind.rowsBehind !== 0) break;
    oldest = time;
  }
  return oldest;
}
