import type { JsonValue } from '@hakiri/core';
import { jsonBytes } from './page.ts';

/** The longest text each value may have, tried in this order. */
const LENGTHS = [200, 80, 30];

/** Rows that fit into `maxBytes`: texts are cut first, then rows are left out. */
export function shortenLongest(
  rows: readonly (readonly JsonValue[])[],
  maxBytes: number,
): readonly (readonly JsonValue[])[] {
  const fits = (candidate: readonly (readonly JsonValue[])[]): boolean => jsonBytes(candidate) <= maxBytes;
  for (const length of LENGTHS) {
    const cut = rows.map((row) => row.map((value) => shorten(value, length)));
    if (fits(cut)) return cut;
  }
  const shortest = rows.map((row) => row.map((value) => shorten(value, LENGTHS.at(-1) as number)));
  for (let count = shortest.length - 1; count > 0; count--) {
    if (fits(shortest.slice(0, count))) return shortest.slice(0, count);
  }
  return [];
}

/** Objects and lists that are long become the beginning of their JSON. */
function shorten(value: JsonValue, length: number): JsonValue {
  if (typeof value === 'string') return value.length > length ? `${value.slice(0, length)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  const json = JSON.stringify(value);
  return json.length > length ? `${json.slice(0, length)}…` : value;
}
