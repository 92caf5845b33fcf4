import { type CatalogTable, tableParts } from '@hakiri/core';
import type { Session } from '@hakiri/engine';
import { type Store, viewStatement } from '@hakiri/store';

/** What a SELECT over the tables may see. */
export function sessionOver(
  { paths }: Pick<Store, 'paths'>,
  tables: readonly CatalogTable[],
  provenance: boolean,
): Pick<Session, 'views' | 'allowedPaths'> {
  return {
    views: tables.map((table) => viewStatement(table, { path: paths.absolute, provenance })),
    allowedPaths: tables.flatMap((table) =>
      [...tableParts(table), ...table.deltas].map(({ path }) => paths.absolute(path)),
    ),
  };
}

/** Tables that the text may name; it names no others. */
export function namedTables(sql: string, tables: readonly CatalogTable[]): readonly CatalogTable[] {
  const words = new Set(sql.toLowerCase().match(/[a-z0-9_]+/g));
  return tables.filter(({ name }) => words.has(name));
}

/** Starts with what the name of a table cannot. */
const OWN = '_rows';

/**
 * The session of a SELECT over one table that we wrote ourselves. It is a view of the session: what is checked is
 * what comes from outside.
 */
export function ownSession(store: Pick<Store, 'paths'>, table: CatalogTable, select: string): Session {
  const { views, allowedPaths } = sessionOver(store, [table], true);
  return {
    sql: `FROM "${OWN}"`,
    views: [...views, `CREATE VIEW "${OWN}" AS ${select}`],
    allowedPaths,
  };
}
