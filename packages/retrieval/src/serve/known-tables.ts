import type { CatalogTable } from '@hakiri/core';
import { catalogVersion, type Store } from '@hakiri/store';

/** The tables as the catalog has them now, read again only when it has changed. */
export interface KnownTables {
  now(): Promise<readonly CatalogTable[]>;
  close(): void;
}

export function knownTables({ paths, tables }: Store): KnownTables {
  const version = catalogVersion(paths.catalog);
  let known: { readonly version: number; readonly tables: readonly CatalogTable[] } | undefined;
  return {
    async now() {
      // Asked for before the tables are: what changes meanwhile is seen the next time.
      const now = version.now();
      if (known && known.version === now) return known.tables;
      const read = await tables();
      known = now === undefined ? undefined : { version: now, tables: read };
      return read;
    },
    close: () => version.close(),
  };
}
