import { BLOCK } from './format.ts';
import type { ListBounds, PostingList } from './posting-list.ts';

/*
 * BM25 as Robertson and Zaragoza give it ("The Probabilistic Relevance Framework", 2009), with the inverse document
 * frequency that is never negative: ln(1 + (N - n + 0.5) / (n + 0.5)).
 *
 * What a word adds to a row's score is a whole number of 2^-32: sums are exact, whatever their order and however
 * rows are spread over segments.
 */
const K1 = 1.2;
const B = 0.75;
export const SCALE = 2 ** 32;
/** Added and taken away again it leaves the nearest whole number, of numbers below 2^51. */
export const ROUND = 2 ** 52 + 2 ** 51;
/** Longer rows are computed one by one. */
const TABLE = 1 << 16;
const TABLES_KEPT = 16;

export function inverseFrequency(rows: number, withTerm: number): number {
  return logarithm(1 + (rows - withTerm + 0.5) / (withTerm + 0.5));
}

const TERMS = 12;

/**
 * Natural logarithm of a number from 1 on, by 2 artanh((x - 1) / (x + 1)) within [1/sqrt(2), sqrt(2)]. Additions,
 * multiplications and divisions give the same bits everywhere; `Math.log` does not, and scores would differ.
 */
function logarithm(value: number): number {
  let halved = value;
  let halvings = 0;
  for (; halved > Math.SQRT2; halved /= 2) halvings++;
  const ratio = (halved - 1) / (halved + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let n = TERMS; n >= 0; n--) sum = sum * square + 1 / (2 * n + 1);
  return halvings * Math.LN2 + 2 * ratio * sum;
}

/** What the share of a row, `f / (f + norm)`, is multiplied with. */
export function weightOf(inverseFrequencies: number): number {
  return inverseFrequencies * (K1 + 1) * SCALE;
}

export interface Norms {
  readonly averageLength: number;
  /** By length; longer rows: `normOf`. */
  readonly table: Float64Array;
}

const kept = new Map<number, Norms>();

export function normsFor(averageLength: number, longest: number): Norms {
  const least = Math.min(TABLE, longest + 1);
  const known = kept.get(averageLength);
  if (known !== undefined && known.table.length >= least) return known;
  const table = new Float64Array(Math.min(TABLE, Math.max(256, least * 2)));
  for (let length = 0; length < table.length; length++) table[length] = normOf(averageLength, length);
  const norms = { averageLength, table };
  if (kept.size >= TABLES_KEPT) kept.clear();
  kept.set(averageLength, norms);
  return norms;
}

export function normOf(averageLength: number, length: number): number {
  return K1 * (1 - B + (B * length) / averageLength);
}

/** The largest share any row of a block can have; kept with the list for the next query of the same statistics. */
export function boundsOf(list: PostingList, lengths: Uint32Array, norms: Norms): ListBounds {
  if (list.bounds?.averageLength === norms.averageLength) return list.bounds;
  const blocks = list.packed === undefined ? exactBounds(list, lengths, norms) : frontierBounds(list, norms);
  let all = 0;
  for (const bound of blocks) if (bound > all) all = bound;
  list.bounds = { averageLength: norms.averageLength, blocks, all };
  return list.bounds;
}

function exactBounds(list: PostingList, lengths: Uint32Array, norms: Norms): Float64Array {
  const bounds = new Float64Array(list.blocks);
  const { ordinals, frequencies } = list.whole!;
  for (let i = 0; i < list.rows; i++) {
    const share = shareOf(frequencies[i]!, lengths[ordinals[i]!]!, norms);
    const block = (i / BLOCK) | 0;
    if (share > bounds[block]!) bounds[block] = share;
  }
  return bounds;
}

function frontierBounds(list: PostingList, norms: Norms): Float64Array {
  const bounds = new Float64Array(list.blocks);
  const { frontierStarts, frontiers } = list.packed!;
  for (let block = 0; block < list.blocks; block++) {
    let bound = 0;
    for (let at = frontierStarts[block]!; at < frontierStarts[block + 1]!; at += 2) {
      const share = shareOf(frontiers[at]!, frontiers[at + 1]!, norms);
      if (share > bound) bound = share;
    }
    bounds[block] = bound;
  }
  return bounds;
}

function shareOf(frequency: number, length: number, { table, averageLength }: Norms): number {
  const norm = length < table.length ? table[length]! : normOf(averageLength, length);
  return frequency / (frequency + norm);
}
