import type { RunId } from '@hakiri/core';
import type { RowIdentities } from './opened-table.ts';

/** Finds rows by run and sequence among those that were added. */
export interface Places {
  /** @returns the number of what was added, from 0 */
  add(identities: RowIdentities): number;
  find(run: RunId, seq: number): { readonly added: number; readonly ordinal: number } | undefined;
}

/** Sequences of a run, by their distance from the least: the row's number among all, -1 where there is none. */
type Found =
  | { readonly kind: 'dense'; readonly least: number; readonly rows: Int32Array }
  | { readonly kind: 'sparse'; readonly rows: Map<number, number> };

interface Extent {
  least: number;
  greatest: number;
  count: number;
}

/** A gap is worth so many rows. */
const DENSE = 8;

/** What is added is looked through when something is asked for. Holds 4 bytes a row. */
export function createPlaces(): Places {
  const added: RowIdentities[] = [];
  const bases: number[] = [];
  const runs = new Map<RunId, Found>();
  let total = 0;
  let taken = 0;

  const extentsOf = (identities: RowIdentities): readonly Extent[] => {
    const extents = identities.runs.map((): Extent => ({ least: Infinity, greatest: -1, count: 0 }));
    for (let ordinal = 0; ordinal < identities.rows; ordinal++) {
      const extent = extents[identities.runIndexAt(ordinal)]!;
      const seq = identities.seqAt(ordinal);
      if (seq < extent.least) extent.least = seq;
      if (seq > extent.greatest) extent.greatest = seq;
      extent.count++;
    }
    return extents;
  };

  const take = (from: number): void => {
    const extents = new Map<RunId, Extent>();
    for (const identities of added.slice(from)) {
      extentsOf(identities).forEach((extent, i) => {
        const run = identities.runs[i]!;
        const known = extents.get(run);
        if (!known) extents.set(run, extent);
        else {
          known.least = Math.min(known.least, extent.least);
          known.greatest = Math.max(known.greatest, extent.greatest);
          known.count += extent.count;
        }
      });
    }
    for (const [run, extent] of extents) runs.set(run, widened(runs.get(run), extent));
    for (let number = from; number < added.length; number++) {
      const identities = added[number]!;
      const found = identities.runs.map((run) => runs.get(run)!);
      for (let ordinal = 0; ordinal < identities.rows; ordinal++) {
        const of = found[identities.runIndexAt(ordinal)]!;
        const row = bases[number]! + ordinal;
        if (of.kind === 'dense') of.rows[identities.seqAt(ordinal) - of.least] = row;
        else of.rows.set(identities.seqAt(ordinal), row);
      }
    }
  };

  return {
    add(identities) {
      bases.push(total);
      total += identities.rows;
      return added.push(identities) - 1;
    },
    find(run, seq) {
      if (taken < added.length) {
        take(taken);
        taken = added.length;
      }
      const found = runs.get(run);
      const row = found?.kind === 'dense' ? found.rows[seq - found.least] : found?.rows.get(seq);
      if (row === undefined || row < 0) return undefined;
      const number = lastNotAbove(bases, row);
      return { added: number, ordinal: row - bases[number]! };
    },
  };
}

function widened(known: Found | undefined, { least, greatest, count }: Extent): Found {
  if (known?.kind === 'sparse') return known;
  const from = Math.min(known?.least ?? least, least);
  const end = Math.max(known ? known.least + known.rows.length : 0, greatest + 1);
  if (end - from > DENSE * (count + (known?.rows.length ?? 0)) + 1024) {
    const rows = new Map<number, number>();
    known?.rows.forEach((row, i) => {
      if (row >= 0) rows.set(known.least + i, row);
    });
    return { kind: 'sparse', rows };
  }
  const rows = new Int32Array(end - from).fill(-1);
  if (known) rows.set(known.rows, known.least - from);
  return { kind: 'dense', least: from, rows };
}

function lastNotAbove(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (ascending[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
