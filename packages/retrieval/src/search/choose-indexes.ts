import { HakiriError, nearestNames } from '@hakiri/core';
import {
  type OpenedIndex,
  type OpenedTable,
  type OpenedTextIndex,
  rowsBehind,
  type TableRows,
} from '../indexes/opened-table.ts';
import { knownName } from '../indexes/twins.ts';
import type { TextSegment } from '../text/index.ts';
import type { MatchedColumns, SearchRequest } from './request.ts';

/** The indexes that a search asks, in the table's order. @throws HakiriError query.no_index */
export function chooseIndexes(
  opened: OpenedTable,
  { table, mode, indexes, columns }: SearchRequest,
): readonly OpenedIndex[] {
  const names = opened.indexes.map(({ spec }) => spec.name);
  for (const name of indexes ?? []) if (!names.includes(name)) throw unknownIndex(table.name, name, names);
  const chosen = opened.indexes.filter(
    ({ kind, spec }) =>
      (mode === 'hybrid' || (mode === 'vector') === (kind === 'vector')) &&
      (indexes === undefined ? spec.scrubbed === undefined : indexes.includes(spec.name)),
  );
  if (chosen.length === 0) {
    throw new HakiriError('query.no_index', `${table.name} has no index for a search by ${mode}`);
  }
  return columns === undefined
    ? chosen
    : chosen.map((index) => (index.kind === 'fts' ? matched(opened, index, columns) : index));
}

/** A keyword index as if it were over nothing but what may be matched, each column in full or as its twin has it. */
function matched(
  { indexes }: OpenedTable,
  index: OpenedTextIndex,
  { clear, scrubbed }: MatchedColumns,
): OpenedTextIndex {
  const { name, analyzer, columns } = index.spec;
  if (columns.every((column) => clear.includes(column))) return index;
  const twin = indexes.find(
    (other): other is OpenedTextIndex =>
      other.kind === 'fts' && other.spec.scrubbed?.twinOf === name && other.spec.analyzer === analyzer,
  );
  type Pick = (unit: number) => TextSegment | undefined;
  const picks = columns.flatMap((column, own): readonly Pick[] => {
    if (clear.includes(column)) return [(unit) => index.units[unit]?.[own]];
    if (!scrubbed.includes(column)) return [];
    const at = twin?.spec.columns.indexOf(column) ?? -1;
    return [(unit) => twin?.units[unit]?.[at]];
  });
  const units = index.units.map((_, unit) => {
    const fields = picks.flatMap((pick) => pick(unit) ?? []);
    return fields.length === picks.length ? fields : undefined;
  });
  return { ...index, units };
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
  const names = indexes.map(({ spec }) => knownName(spec)).join(', ');
  throw new HakiriError('index.not_built', `Nothing is in the index yet: ${names}`);
}
