import type { RowSet } from '../sets/row-set.ts';
import { BLOCK } from './format.ts';
import { decodeOrdinals, decodeRepeats, type PostingList, wholeList } from './posting-list.ts';
import type { TextSegment } from './text-segment.ts';

/** What is known of one segment where only some of its rows can be seen; kept for as long as that set of rows is. */
export interface SegmentView {
  readonly segment: TextSegment;
  readonly visible: RowSet;
  readonly all: boolean;
  /** Words of the visible rows. */
  readonly totalLength: number;
  /** The rows to look at for a term, and how many of them are visible. */
  list(term: string): VisibleList | undefined;
}

export interface VisibleList {
  /** Where few rows are visible, of those only. */
  readonly list: PostingList;
  readonly rows: number;
}

/** Up to one row in so many visible, lists are made anew of the visible rows alone. */
const SPARSE = 16;
const LISTS_KEPT = 512;
/** As much as so many words that every visible row has. */
const FULL_LISTS_KEPT = 32;

const views = new WeakMap<RowSet, WeakMap<TextSegment, SegmentView>>();

export function segmentView(segment: TextSegment, visible: RowSet): SegmentView {
  let known = views.get(visible);
  if (known === undefined) {
    known = new WeakMap();
    views.set(visible, known);
  }
  const view = known.get(segment);
  if (view !== undefined) return view;
  const made = makeView(segment, visible);
  known.set(segment, made);
  return made;
}

function makeView(segment: TextSegment, visible: RowSet): SegmentView {
  const all = visible.count === segment.rows;
  const sparse = visible.count * SPARSE <= segment.rows;
  const counts = new Map<string, number>();
  const lists = new Map<string, VisibleList>();
  const mostBytes = 16_384 + FULL_LISTS_KEPT * visible.count * 8;
  let kept = 0;

  function restricted(term: string): VisibleList | undefined {
    const known = lists.get(term);
    if (known !== undefined) return known;
    const list = segment.list(term);
    if (list === undefined) return undefined;
    const own = visibleOnly(list, visible);
    const made = { list: own, rows: own.rows };
    kept += own.rows * 8 + 200;
    if (lists.size >= LISTS_KEPT || kept > mostBytes) {
      lists.clear();
      kept = own.rows * 8 + 200;
    }
    lists.set(term, made);
    return made;
  }

  function counted(term: string): VisibleList | undefined {
    const list = segment.list(term);
    if (list === undefined) return undefined;
    if (all) return { list, rows: list.rows };
    let rows = counts.get(term);
    if (rows === undefined) {
      rows = countVisible(list, visible);
      if (counts.size >= LISTS_KEPT * 8) counts.clear();
      counts.set(term, rows);
    }
    return { list, rows };
  }

  return {
    segment,
    visible,
    all,
    totalLength: all ? segment.totalLength : visibleLength(segment, visible),
    list: sparse ? restricted : counted,
  };
}

function visibleLength(segment: TextSegment, { words }: RowSet): number {
  const lengths = segment.lengths();
  let total = 0;
  for (let i = 0; i < words.length; i++) {
    for (let word = words[i]!; word !== 0; word &= word - 1) {
      total += lengths[i * 32 + 31 - Math.clz32(word & -word)]!;
    }
  }
  return total;
}

const ordinals = new Uint32Array(BLOCK);
const repeats = new Uint32Array(BLOCK);

function countVisible(list: PostingList, { words }: RowSet): number {
  let count = 0;
  for (let block = 0; block < list.blocks; block++) {
    if (!anyWithin(words, firstPossible(list, block), list.lastRows[block]!)) continue;
    const rows = decodeOrdinals(list, block, ordinals);
    for (let i = 0; i < rows; i++) {
      const row = ordinals[i]!;
      count += (words[row >>> 5]! >>> (row & 31)) & 1;
    }
  }
  return count;
}

/** The same list without the rows that are not visible, and without places. */
function visibleOnly(list: PostingList, { words, count: visible }: RowSet): PostingList {
  const rows = new Uint32Array(Math.min(list.rows, visible));
  const frequencies = new Uint32Array(rows.length);
  let found = 0;
  for (let block = 0; block < list.blocks; block++) {
    if (!anyWithin(words, firstPossible(list, block), list.lastRows[block]!)) continue;
    const count = decodeOrdinals(list, block, ordinals);
    let decoded = false;
    for (let i = 0; i < count; i++) {
      const row = ordinals[i]!;
      if (((words[row >>> 5]! >>> (row & 31)) & 1) === 0) continue;
      if (!decoded) decodeRepeats(list, block, repeats);
      decoded = true;
      rows[found] = row;
      frequencies[found++] = repeats[i]! + 1;
    }
  }
  return wholeList({
    ordinals: rows.subarray(0, found),
    frequencies: frequencies.subarray(0, found),
    positions: undefined,
  });
}

export function firstPossible(list: PostingList, block: number): number {
  return block === 0 ? 0 : list.lastRows[block - 1]! + 1;
}

/** Whether a row from `from` to `to`, both included, is in the set, or one near them. */
function anyWithin(words: Uint32Array, from: number, to: number): boolean {
  for (let i = from >>> 5; i <= to >>> 5; i++) if (words[i] !== 0) return true;
  return false;
}
