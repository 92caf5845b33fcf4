import { type CatalogPart, compareText, findColumn, isInteger, type LogicalType } from '@hakiri/core';
import type { ViewedTable } from './view-sql.ts';

type Range = readonly [string, string];

/**
 * Which parts of the snapshot may hold a key that newer rows hold, told by the bounds of the first key column. The
 * others need not be compared with anything.
 */
export function partsBeside({ snapshot, newer, deltas, primaryKey, schema }: ViewedTable): {
  readonly apart: readonly CatalogPart[];
  readonly beside: readonly CatalogPart[];
} {
  const parts = snapshot?.parts ?? [];
  if (newer.length + deltas.length === 0) return { apart: parts, beside: [] };
  const ranges = newer.map(({ key_range }) => key_range);
  const type = findColumn(schema, primaryKey[0] ?? '')?.type;
  const compare = type && comparison(type);
  const known = ranges.filter((range) => range !== undefined);
  if (compare === undefined || deltas.length > 0 || known.length < ranges.length) {
    return { apart: [], beside: parts };
  }
  const overlaps = ([min, max]: Range): boolean =>
    known.some((range) => compare(range[0], max) <= 0 && compare(min, range[1]) <= 0);
  const isBeside = ({ key_range: range }: CatalogPart): boolean => range === undefined || overlaps(range);
  return { apart: parts.filter((part) => !isBeside(part)), beside: parts.filter(isBeside) };
}

/** Only of types whose text says exactly what the value is. */
function comparison(type: LogicalType): ((a: string, b: string) => number) | undefined {
  if (type.kind === 'string') return compareText;
  if (!isInteger(type)) return undefined;
  return (a, b) => (BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0);
}
