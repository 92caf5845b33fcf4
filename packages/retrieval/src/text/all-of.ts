import type { RowSet } from '../sets/row-set.ts';
import {
  boundOf,
  type Cursor,
  decodeBlock,
  decodeFrequencies,
  scoreHere,
  scoreOf,
  seek,
  toBlock,
} from './cursor.ts';
import type { TopRows } from './top-rows.ts';

/** What one clause finds: a row has it when one of the lists does, one of each column. */
export type ClauseCursors = readonly Cursor[];

const WINDOW = 4096;
const marked = new Uint32Array(WINDOW / 32);
const candidates = new Uint32Array(WINDOW);
const sums = new Float64Array(WINDOW);

/** Offers the best rows that every clause of `must` finds; `should` only add to their scores. */
export function allOf(
  part: number,
  must: readonly ClauseCursors[],
  should: readonly ClauseCursors[],
  eligible: RowSet,
  top: TopRows,
): void {
  const [lead, ...others] = [...must].sort((a, b) => sizeOf(a) - sizeOf(b));
  if (lead === undefined || sizeOf(lead) === 0) return;
  const optional = should.filter((clause) => sizeOf(clause) > 0);
  let rest = 0;
  for (const cursor of [...others, ...optional].flat()) rest += cursor.bound;
  const finish = (count: number): void => {
    let left = rest;
    let still = count;
    for (const clause of others) {
      left -= boundOfClause(clause);
      still = addClause(clause, still, true, top.least - left);
    }
    for (const clause of optional) {
      left -= boundOfClause(clause);
      still = addClause(clause, still, false, top.least - left);
    }
    for (let i = 0; i < still; i++) top.offer(part, candidates[i]!, sums[i]!);
  };
  const [only] = lead;
  if (lead.length === 1 && only !== undefined) leadByList(only, rest, eligible, top, finish);
  else leadByWindows(lead, eligible, (count) => finish(addClause(lead, count, true, 0)));
}

function sizeOf(clause: ClauseCursors): number {
  let rows = 0;
  for (const { list } of clause) rows += list.rows;
  return rows;
}

function boundOfClause(clause: ClauseCursors): number {
  let bound = 0;
  for (const cursor of clause) bound += cursor.bound;
  return bound;
}

function leadByList(
  cursor: Cursor,
  rest: number,
  { words }: RowSet,
  top: TopRows,
  finish: (count: number) => void,
): void {
  for (let block = 0; block < cursor.list.blocks; block++) {
    if (boundOf(cursor, cursor.shares[block]!) + rest < top.least) continue;
    cursor.block = block;
    decodeBlock(cursor);
    decodeFrequencies(cursor);
    const { ordinals, repeats, lengths } = cursor;
    const least = top.least - rest;
    let count = 0;
    for (let i = 0; i < cursor.count; i++) {
      const row = ordinals[i]!;
      if (((words[row >>> 5]! >>> (row & 31)) & 1) === 0) continue;
      const score = scoreOf(cursor, repeats[i]! + 1, lengths[row]!);
      if (score < least) continue;
      candidates[count] = row;
      sums[count++] = score;
    }
    if (count > 0) finish(count);
  }
}

function leadByWindows(lead: ClauseCursors, eligible: RowSet, finish: (count: number) => void): void {
  for (let base = 0; base < eligible.rows; base += WINDOW) {
    const end = Math.min(base + WINDOW, eligible.rows);
    // A list that turned out to be damaged may have left some behind.
    marked.fill(0);
    for (const cursor of lead) mark(cursor, base, end);
    let count = 0;
    for (let i = 0; i < marked.length; i++) {
      for (let word = marked[i]! & (eligible.words[(base >>> 5) + i] ?? 0); word !== 0; word &= word - 1) {
        candidates[count] = base + i * 32 + 31 - Math.clz32(word & -word);
        sums[count++] = 0;
      }
    }
    if (count > 0) finish(count);
  }
}

/** The rows of the window; the cursor stays before them, they are asked for once more. */
function mark(cursor: Cursor, base: number, end: number): void {
  if (!toBlock(cursor, base)) return;
  const { block } = cursor;
  for (; cursor.block < cursor.list.blocks; cursor.block++) {
    decodeBlock(cursor);
    let row = 0;
    for (let i = 0; i < cursor.count && row < end; i++) {
      row = cursor.ordinals[i]!;
      if (row >= base && row < end) marked[(row - base) >>> 5]! |= 1 << ((row - base) & 31);
    }
    if (cursor.list.lastRows[cursor.block]! >= end) break;
  }
  cursor.block = block;
}

/** Adds what a clause says of the candidates; those that reach `least` stay, and have it where they must. */
function addClause(clause: ClauseCursors, count: number, must: boolean, least: number): number {
  const bound = boundOfClause(clause);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const row = candidates[i]!;
    let score = sums[i]!;
    let has = !must;
    // Before it is asked: whether the most it can add is enough.
    if (score + bound < least) continue;
    for (const cursor of clause) {
      if (seek(cursor, row) !== row) continue;
      has = true;
      score += scoreHere(cursor);
    }
    if (!has || score < least) continue;
    candidates[kept] = row;
    sums[kept++] = score;
  }
  return kept;
}
