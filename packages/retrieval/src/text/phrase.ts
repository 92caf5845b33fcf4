import type { RowSet } from '../sets/row-set.ts';
import { damaged } from './damaged.ts';
import { BLOCK } from './format.ts';
import { decodeOrdinals, decodeRepeats, decodeSteps, type PostingList, wholeList } from './posting-list.ts';
import type { TextSegment } from './text-segment.ts';

/** The visible rows that have the terms one after the other, and how often. */
export function phraseList(
  segment: TextSegment,
  terms: readonly string[],
  visible: RowSet,
): PostingList | undefined {
  const lists = terms.map((term) => segment.list(term));
  if (lists.some((list) => list === undefined)) return undefined;
  const walks = lists.map((list, i) => createWalk(list!, i));
  const rarest = [...walks].sort((a, b) => a.list.rows - b.list.rows);
  const [lead, ...others] = rarest as [Walk, ...Walk[]];
  const rows: number[] = [];
  const frequencies: number[] = [];
  const { words } = visible;
  for (let block = 0; block < lead.list.blocks; block++) {
    toBlock(lead, block);
    for (let i = 0; i < lead.count; i++) {
      const row = lead.ordinals[i]!;
      if (((words[row >>> 5]! >>> (row & 31)) & 1) === 0) continue;
      if (!others.every((walk) => has(walk, row))) continue;
      lead.at = i;
      const times = together(rarest);
      if (times === 0) continue;
      rows.push(row);
      frequencies.push(times);
    }
  }
  return wholeList({
    ordinals: Uint32Array.from(rows),
    frequencies: Uint32Array.from(frequencies),
    positions: undefined,
  });
}

/** A place in the list of one word of the phrase. */
interface Walk {
  readonly list: PostingList;
  /** Of the word in the phrase. */
  readonly offset: number;
  readonly ordinals: Uint32Array;
  readonly repeats: Uint32Array;
  readonly places: { steps: Uint32Array };
  /** Where the places of each row of the block start; filled when asked for the first time. */
  readonly starts: Uint32Array;
  placed: number;
  block: number;
  count: number;
  at: number;
}

function createWalk(list: PostingList, offset: number): Walk {
  return {
    list,
    offset,
    ordinals: new Uint32Array(BLOCK),
    repeats: new Uint32Array(BLOCK),
    places: { steps: new Uint32Array(BLOCK * 2) },
    starts: new Uint32Array(BLOCK + 1),
    placed: -1,
    block: -1,
    count: 0,
    at: 0,
  };
}

function toBlock(walk: Walk, block: number): void {
  walk.block = block;
  walk.count = decodeOrdinals(walk.list, block, walk.ordinals);
  walk.at = 0;
}

function has(walk: Walk, row: number): boolean {
  const { lastRows, blocks } = walk.list;
  let block = Math.max(walk.block, 0);
  if (block < blocks && lastRows[block]! < row) {
    let step = 1;
    while (block + step < blocks && lastRows[block + step]! < row) {
      block += step;
      step *= 2;
    }
    let high = Math.min(block + step, blocks);
    block++;
    while (block < high) {
      const middle = (block + high) >>> 1;
      if (lastRows[middle]! < row) block = middle + 1;
      else high = middle;
    }
  }
  if (block >= blocks) return false;
  if (walk.block !== block) toBlock(walk, block);
  const { ordinals } = walk;
  let low = walk.at;
  let high = walk.count - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ordinals[middle]! < row) low = middle + 1;
    else high = middle;
  }
  walk.at = low;
  return ordinals[low] === row;
}

let starting = new Int32Array(64);

/** How often the words of the phrase stand together in the row that all of them are at. */
function together(walks: readonly Walk[]): number {
  const [first, ...others] = walks as readonly [Walk, ...Walk[]];
  // Where the phrase would start. Below 0 it does not: its first word has no place there.
  let count = 0;
  const { steps, from, to } = placesOf(first);
  if (to - from > starting.length) starting = new Int32Array((to - from) * 2);
  let position = -1;
  for (let i = from; i < to; i++) {
    position += steps[i]! + 1;
    starting[count++] = position - first.offset;
  }
  for (const walk of others) {
    if (count === 0) return 0;
    count = keepThose(walk, count);
  }
  return count;
}

function keepThose(walk: Walk, count: number): number {
  const { steps, from, to } = placesOf(walk);
  let kept = 0;
  let at = from;
  let start = (at < to ? steps[at]! : 0) - walk.offset;
  for (let i = 0; i < count; i++) {
    const wanted = starting[i]!;
    while (at < to && start < wanted) {
      at++;
      if (at < to) start += steps[at]! + 1;
    }
    if (at === to) break;
    if (start === wanted) starting[kept++] = wanted;
  }
  return kept;
}

function placesOf(walk: Walk): { steps: Uint32Array; from: number; to: number } {
  if (walk.placed !== walk.block) placeBlock(walk);
  return { steps: walk.places.steps, from: walk.starts[walk.at]!, to: walk.starts[walk.at + 1]! };
}

function placeBlock(walk: Walk): void {
  const { list, starts, repeats, count } = walk;
  decodeRepeats(list, walk.block, repeats);
  for (let i = 0; i < count; i++) starts[i + 1] = starts[i]! + repeats[i]! + 1;
  walk.placed = walk.block;
  if (list.packed !== undefined) {
    if (decodeSteps(list, walk.block, walk.places) !== starts[count]) {
      throw damaged('a word of it has not the places it should');
    }
    return;
  }
  const positions = list.whole?.positions;
  if (positions === undefined) throw new RangeError('A list without places');
  if (positions.length > walk.places.steps.length) walk.places.steps = new Uint32Array(positions.length);
  for (let i = 0; i < count; i++) {
    let before = -1;
    for (let at = starts[i]!; at < starts[i + 1]!; at++) {
      walk.places.steps[at] = positions[at]! - before - 1;
      before = positions[at]!;
    }
  }
}
