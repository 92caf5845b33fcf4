import { type CatalogTable, HakiriError, type IndexSpec } from '@hakiri/core';
import type { Store } from '@hakiri/store';
import type { SearchServices } from './search-services.ts';

/** Moments that are looked at for the oldest one that can be searched. */
const MAX_MOMENTS = 200;

/**
 * A search in the past must not leave rows out in silence because nothing was built for them then.
 * @throws HakiriError query.as_of_gone naming the oldest time that can be searched
 */
export async function requireSearchable(
  store: Pick<Store, 'catalog'>,
  search: SearchServices,
  table: CatalogTable,
  asked: readonly IndexSpec[],
  behind: Readonly<Record<string, number>>,
): Promise<void> {
  const missing = asked.find(({ name }) => (behind[name] ?? 0) > 0);
  if (missing === undefined) return;
  const oldest = await oldestSearchable(store, search, table, missing.name);
  throw new HakiriError(
    'query.as_of_gone',
    `The index ${missing.name} does not hold what the table ${table.name} was then`,
    {
      hint:
        oldest === undefined
          ? 'No earlier time can be searched: ask without a time, or with a filter in place of the search.'
          : `The oldest time that can be searched is ${oldest}.`,
      ...(oldest === undefined ? {} : { details: { oldest } }),
    },
  );
}

async function oldestSearchable(
  { catalog }: Pick<Store, 'catalog'>,
  search: SearchServices,
  { name }: CatalogTable,
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
    if (behind === undefined || behind.rowsBehind > 0) break;
    oldest = time;
  }
  return oldest;
}
