import { boundsOf, type Norms, normOf, ROUND } from './bm25.ts';
import { BLOCK } from './format.ts';
import { decodeOrdinals, decodeRepeats, type PostingList, repeatsAt } from './posting-list.ts';

/** A place in a list that only moves on, with what the list's word adds to a row's score. */
export interface Cursor {
  readonly list: PostingList;
  readonly weight: number;
  readonly times: number;
  readonly lengths: Uint32Array;
  readonly norms: Norms;
  /** Highest share of each block: `boundOf` makes it a score. */
  readonly shares: Float64Array;
  readonly bound: number;
  /** The block that holds the next row, if it is decoded: `decoded` tells. */
  block: number;
  decoded: number;
  repeated: number;
  count: number;
  at: number;
  readonly ordinals: Uint32Array;
  readonly repeats: Uint32Array;
  /** Highest score in the window that is looked at. */
  windowBound: number;
}

export interface Scoring {
  readonly weight: number;
  readonly times: number;
  readonly norms: Norms;
}

export function createCursor(list: PostingList, lengths: Uint32Array, scoring: Scoring): Cursor {
  const bounds = boundsOf(list, lengths, scoring.norms);
  return {
    list,
    weight: scoring.weight,
    times: scoring.times,
    lengths,
    norms: scoring.norms,
    shares: bounds.blocks,
    bound: boundOf(scoring, bounds.all),
    block: 0,
    decoded: -1,
    repeated: -1,
    count: 0,
    at: 0,
    ordinals: new Uint32Array(BLOCK),
    repeats: new Uint32Array(BLOCK),
    windowBound: 0,
  };
}

/** What a share is worth, exactly as rows are scored. */
export function boundOf({ weight, times }: Pick<Scoring, 'weight' | 'times'>, share: number): number {
  return times * (weight * share + ROUND - ROUND);
}

/** To the first block that may hold `row` or one after it; whether there is one. */
export function toBlock(cursor: Cursor, row: number): boolean {
  const { lastRows, blocks } = cursor.list;
  if (cursor.block >= blocks) return false;
  if (lastRows[cursor.block]! >= row) return true;
  if (lastRows[blocks - 1]! < row) {
    cursor.block = blocks;
    return false;
  }
  cursor.block = indexOfNext(lastRows, cursor.block, blocks, row);
  return true;
}

export function decodeBlock(cursor: Cursor): void {
  if (cursor.decoded === cursor.block) return;
  cursor.count = decodeOrdinals(cursor.list, cursor.block, cursor.ordinals);
  cursor.decoded = cursor.block;
  cursor.at = 0;
}

export function decodeFrequencies(cursor: Cursor): void {
  if (cursor.repeated === cursor.block) return;
  decodeRepeats(cursor.list, cursor.block, cursor.repeats);
  cursor.repeated = cursor.block;
}

/** To the first row that is not before `row`; it, or -1 past the end. */
export function seek(cursor: Cursor, row: number): number {
  if (cursor.decoded !== cursor.block || cursor.list.lastRows[cursor.block]! < row) {
    if (!toBlock(cursor, row)) return -1;
    decodeBlock(cursor);
  }
  const at = indexOfNext(cursor.ordinals, cursor.at, cursor.count, row);
  cursor.at = at;
  return cursor.ordinals[at]!;
}

/** Of the first row from `at` on that is not before `row`; one of the `count` is. In steps that double, then by halves. */
export function indexOfNext(ordinals: Uint32Array, at: number, count: number, row: number): number {
  if (ordinals[at]! >= row) return at;
  let step = 1;
  let low = at;
  while (low + step < count && ordinals[low + step]! < row) {
    low += step;
    step *= 2;
  }
  let high = low + step < count ? low + step : count - 1;
  low++;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ordinals[middle]! < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What the word adds to the row that `seek` found. */
export function scoreHere(cursor: Cursor): number {
  const repeats =
    cursor.repeated === cursor.block
      ? cursor.repeats[cursor.at]!
      : repeatsAt(cursor.list, cursor.block, cursor.at);
  const length = cursor.lengths[cursor.ordinals[cursor.at]!]!;
  return scoreOf(cursor, repeats + 1, length);
}

export function scoreOf(cursor: Cursor, frequency: number, length: number): number {
  const { table, averageLength } = cursor.norms;
  const norm = length < table.length ? table[length]! : normOf(averageLength, length);
  return cursor.times * (cursor.weight * (frequency / (frequency + norm)) + ROUND - ROUND);
}
