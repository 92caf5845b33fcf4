import { type AsOf, type CatalogTable, HakiriError, nearestNames, type TableName } from '@hakiri/core';

export interface KnownNames {
  readonly tables: readonly Pick<CatalogTable, 'name'>[];
  /** Today's, where `tables` are those of a time. */
  readonly now?: readonly Pick<CatalogTable, 'name'>[];
  /** Tables of which that time is no longer kept. */
  readonly gone?: ReadonlyMap<TableName, Error>;
  readonly asOf?: AsOf | undefined;
}

/** What to say of a table that is not there. */
export function unknownTable(name: string, { tables, now = [], gone, asOf }: KnownNames): Error {
  for (const [table, error] of gone ?? []) if (table === name.toLowerCase()) return error;
  if (asOf !== undefined && now.some((table) => table.name === name.toLowerCase())) {
    const when = 'run' in asOf ? `when run ${asOf.run} was committed` : `at ${asOf.time}`;
    return new HakiriError('query.unknown_table', `There was no table "${name}" ${when}`, {
      hint: 'Its first commit came later: ask for a later time.',
    });
  }
  return new HakiriError('query.unknown_table', `There is no table "${name}"`, {
    hint: tableHint(tables, name),
  });
}

/** The engine's own suggestions come from its catalog, which is not the user's. */
function tableHint(tables: KnownNames['tables'], name: string): string {
  const names = tables.map((table) => table.name);
  if (names.length === 0) return 'The store has no tables yet: `hakiri run`.';
  const near = nearestNames(name, names);
  return near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `The tables are: ${names.join(', ')}.`;
}
