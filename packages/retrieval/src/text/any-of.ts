import type { RowSet } from '../sets/row-set.ts';
import { normOf, ROUND } from './bm25.ts';
import { boundOf, type Cursor, decodeBlock, decodeFrequencies, scoreHere, seek, toBlock } from './cursor.ts';
import { firstPossible } from './statistics.ts';
import type { TopRows } from './top-rows.ts';

/** Rows looked at together; a multiple of 32. */
const WINDOW = 4096;

const scores = new Float64Array(WINDOW);
const found = new Uint32Array(WINDOW / 32);
const candidates = new Uint32Array(WINDOW);
const sums = new Float64Array(WINDOW);
/** A list that turned out to be damaged left its scores behind. */
let left = false;

/**
 * Offers the best rows that any of the lists has. Lists whose words together cannot lift a row over the worst that is
 * kept are not walked through, only asked about rows that another list brought up (Turtle and Flood's "max score",
 * with the bounds of blocks as Ding and Suel have them).
 */
export function anyOf(part: number, cursors: readonly Cursor[], eligible: RowSet, top: TopRows): void {
  const [only] = cursors;
  if (only !== undefined && cursors.length === 1) {
    oneList(part, only, eligible, top);
    return;
  }
  if (left) {
    scores.fill(0);
    found.fill(0);
  }
  left = true;
  const order = [...cursors];
  for (let base = 0; base < eligible.rows; base += WINDOW) {
    const end = Math.min(base + WINDOW, eligible.rows);
    let total = 0;
    for (const cursor of order) {
      cursor.windowBound = windowBound(cursor, base, end);
      total += cursor.windowBound;
    }
    if (total === 0 || total < top.least) continue;
    sortByBound(order);
    let optional = 0;
    let below = 0;
    while (below + order[optional]!.windowBound < top.least) below += order[optional++]!.windowBound;
    for (let i = optional; i < order.length; i++) {
      const cursor = order[i]!;
      addWindow(cursor, base, end, top.least - (total - cursor.windowBound));
    }
    let count = collect(base, end, eligible, top.least - below);
    for (let i = optional - 1; i >= 0; i--) {
      const cursor = order[i]!;
      below -= cursor.windowBound;
      if (cursor.windowBound > 0) count = addToCandidates(cursor, count, top.least - below);
    }
    for (let i = 0; i < count; i++) top.offer(part, candidates[i]!, sums[i]!);
  }
  left = false;
}

function oneList(part: number, cursor: Cursor, { words }: RowSet, top: TopRows): void {
  const { list, shares, ordinals, repeats } = cursor;
  for (let block = 0; block < list.blocks; block++) {
    if (boundOf(cursor, shares[block]!) < top.least) continue;
    cursor.block = block;
    decodeBlock(cursor);
    decodeFrequencies(cursor);
    const { count, lengths, weight, times } = cursor;
    const { table, averageLength } = cursor.norms;
    let { least } = top;
    for (let i = 0; i < count; i++) {
      const row = ordinals[i]!;
      const frequency = repeats[i]! + 1;
      const length = lengths[row]!;
      const norm = length < table.length ? table[length]! : normOf(averageLength, length);
      const score = times * (weight * (frequency / (frequency + norm)) + ROUND - ROUND);
      if (score < least || ((words[row >>> 5]! >>> (row & 31)) & 1) === 0) continue;
      top.offer(part, row, score);
      least = top.least;
    }
  }
}

function windowBound(cursor: Cursor, base: number, end: number): number {
  if (!toBlock(cursor, base)) return 0;
  const { list, shares } = cursor;
  let share = 0;
  for (let block = cursor.block; block < list.blocks && firstPossible(list, block) < end; block++) {
    if (shares[block]! > share) share = shares[block]!;
  }
  return share === 0 ? 0 : boundOf(cursor, share);
}

/** Few, and nearly in order from the window before. */
function sortByBound(cursors: Cursor[]): void {
  for (let i = 1; i < cursors.length; i++) {
    const cursor = cursors[i]!;
    let at = i;
    for (; at > 0 && cursors[at - 1]!.windowBound > cursor.windowBound; at--) cursors[at] = cursors[at - 1]!;
    cursors[at] = cursor;
  }
}

/** Adds what a list says of the rows of the window, but for blocks that stay under `least`. */
function addWindow(cursor: Cursor, base: number, end: number, least: number): void {
  const { list, shares, ordinals, repeats, lengths, weight, times } = cursor;
  const { table, averageLength } = cursor.norms;
  for (; cursor.block < list.blocks && firstPossible(list, cursor.block) < end; cursor.block++) {
    if (boundOf(cursor, shares[cursor.block]!) >= least) {
      decodeBlock(cursor);
      decodeFrequencies(cursor);
      const { count } = cursor;
      let i = cursor.at;
      while (i < count && ordinals[i]! < base) i++;
      for (; i < count; i++) {
        const row = ordinals[i]!;
        if (row >= end) break;
        const frequency = repeats[i]! + 1;
        const length = lengths[row]!;
        const norm = length < table.length ? table[length]! : normOf(averageLength, length);
        const at = row - base;
        scores[at]! += times * (weight * (frequency / (frequency + norm)) + ROUND - ROUND);
        found[at >>> 5]! |= 1 << (at & 31);
      }
      if (i < count) {
        cursor.at = i;
        return;
      }
    }
    if (list.lastRows[cursor.block]! >= end) return;
  }
}

/** The eligible rows of the window that reach `least`, with their scores so far; what was added up is cleared. */
function collect(base: number, end: number, { words }: RowSet, least: number): number {
  let count = 0;
  const from = base >>> 5;
  for (let i = 0; i < (end - base + 31) >>> 5; i++) {
    let word = found[i]!;
    if (word === 0) continue;
    found[i] = 0;
    const eligible = words[from + i]!;
    for (; word !== 0; word &= word - 1) {
      const bit = 31 - Math.clz32(word & -word);
      const at = i * 32 + bit;
      const score = scores[at]!;
      scores[at] = 0;
      if (score < least || ((eligible >>> bit) & 1) === 0) continue;
      candidates[count] = base + at;
      sums[count++] = score;
    }
  }
  return count;
}

/** Adds what a list says of the candidates and keeps those that reach `least`. */
function addToCandidates(cursor: Cursor, count: number, least: number): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const row = candidates[i]!;
    let score = sums[i]!;
    // Before it is asked: whether the most it can add is enough.
    if (score + cursor.windowBound < least) continue;
    if (seek(cursor, row) === row) score += scoreHere(cursor);
    if (score < least) continue;
    candidates[kept] = row;
    sums[kept++] = score;
  }
  return kept;
}
