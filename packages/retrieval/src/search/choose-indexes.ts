import { HakiriError, nearestNames } from '@hakiri/core';
import { type OpenedIndex, type OpenedTable, rowsBehind, type TableRows } from '../indexes/opened-table.ts';
import type { SearchRequest } from './request.ts';

/** The indexes that a search asks, in the table's order. @throws HakiriError query.no_index */
export function chooseIndexes(
  opened: OpenedTable,
  { table, mode, indexes }: SearchRequest,
): readonly OpenedIndex[] {
  const names = opened.indexes.map(({ spec }) => spec.name);
  for (const name of indexes ?? []) if (!names.includes(name)) throw unknownIndex(table.name, name, names);
  const chosen = opened.indexes.filter(
    ({ kind, spec }) =>
      (mode === 'hybrid' || (mode === 'vector') === (kind === 'vector')) &&
      (indexes === undefined || indexes.includes(spec.name)),
  );
  if (chosen.length === 0) {
    throw new HakiriError('query.no_index', `${table.name} has no index for a search by ${mode}`);
  }
  return chosen;
}

function unknownIndex(table: string, name: string, names: readonly string[]): HakiriError {
  const near = nearestNames(name, names);
  const hint =
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `There are: ${names.join(', ') || 'none'}.`;
  return new HakiriError('query.no_index', `${table} has no index "${name}"`, { hint });
}

/** @throws HakiriError index.not_built where none of the indexes has any of the rows */
export function refuseUnbuilt(indexes: readonly OpenedIndex[], rows: TableRows): void {
  if (rows.count === 0 || indexes.some((index) => rowsBehind(index, rows) < rows.count)) return;
  const names = indexes.map(({ spec }) => spec.name).join(', ');
  throw new HakiriError('index.not_built', `Nothing is in the index yet: ${names}`);
}
