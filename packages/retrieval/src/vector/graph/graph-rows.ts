import type { RunId } from '@hakiri/core';
import type { RowIdentities } from '../../indexes/opened-table.ts';
import { type RowSet, rowSetFromWords } from '../../sets/row-set.ts';

/**
 * Which rows a graph holds. A graph outlives the parts that its rows lay in, so it tells rows by run and sequence: a
 * key of 64 bits is the run's place in this list, then the sequence.
 */
export interface GraphRows {
  readonly runs: readonly RunId[];
  /** By run: a bit a sequence. */
  readonly sequences: readonly Uint32Array[];
}

/** Rows of a part that are in the graph, by their ordinals. */
export function rowsInGraph({ runs, sequences }: GraphRows, identities: RowIdentities): RowSet {
  const words = new Uint32Array((identities.rows + 31) >>> 5);
  const places = new Map(runs.map((run, i) => [run, sequences[i]!]));
  const bits = identities.runs.map((run) => places.get(run));
  for (let ordinal = 0; ordinal < identities.rows; ordinal++) {
    const ofRun = bits[identities.runIndexAt(ordinal)];
    if (!ofRun) continue;
    const seq = identities.seqAt(ordinal);
    if (seq >= MAX_SEQUENCE) continue;
    if (((ofRun[seq >>> 5] ?? 0) >>> (seq & 31)) & 1) words[ordinal >>> 5]! |= 1 << (ordinal & 31);
  }
  return rowSetFromWords(identities.rows, words);
}

/** Past this a bit a sequence is too much to hold: such a row stays outside, and is scanned. */
export const MAX_SEQUENCE = 2 ** 27;

/** Collects the rows of a graph that is made. */
export function collectGraphRows(): {
  /** The run's place in the list. */
  run(run: RunId): number;
  add(run: number, seq: number): void;
  rows(): GraphRows;
} {
  const places = new Map<RunId, number>();
  const runs: RunId[] = [];
  const sequences: Uint32Array[] = [];
  return {
    run(run) {
      const known = places.get(run);
      if (known !== undefined) return known;
      places.set(run, runs.length);
      sequences.push(new Uint32Array(64));
      return runs.push(run) - 1;
    },
    add(run, seq) {
      let bits = sequences[run]!;
      if (seq >>> 5 >= bits.length) {
        bits = new Uint32Array(Math.max(bits.length * 2, (seq >>> 5) + 1));
        bits.set(sequences[run]!);
        sequences[run] = bits;
      }
      bits[seq >>> 5]! |= 1 << (seq & 31);
    },
    rows: () => ({ runs, sequences }),
  };
}
