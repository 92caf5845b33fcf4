import type { RowSet } from '../sets/row-set.ts';
import { indexOfNext } from './cursor.ts';
import { BLOCK } from './format.ts';
import {
  decodeOrdinals,
  decodePlaceStarts,
  decodePlaces,
  type PostingList,
  wholeList,
} from './posting-list.ts';
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
  /** Of the block, the number of each row's first place, and of the last one's end; those of block `placed`. */
  readonly starts: Uint32Array;
  placed: number;
  places: Uint32Array;
  block: number;
  count: number;
  at: number;
}

function createWalk(list: PostingList, offset: number): Walk {
  return {
    list,
    offset,
    ordinals: new Uint32Array(BLOCK),
    starts: new Uint32Array(BLOCK + 1),
    placed: -1,
    places: new Uint32Array(16),
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
  if (lastRows[blocks - 1]! < row) return false;
  if (walk.block < 0 || lastRows[walk.block]! < row) {
    toBlock(walk, indexOfNext(lastRows, Math.max(walk.block, 0), blocks, row));
  }
  walk.at = indexOfNext(walk.ordinals, walk.at, walk.count, row);
  return walk.ordinals[walk.at] === row;
}

let starting = new Int32Array(64);

/** How often the words of the phrase stand together in the row that all of them are at. */
function together(walks: readonly Walk[]): number {
  const [first, ...others] = walks as readonly [Walk, ...Walk[]];
  // Where the phrase would start. Below 0 it does not: its first word has no place there.
  let count = placesHere(first);
  if (count > starting.length) starting = new Int32Array(count * 2);
  for (let i = 0; i < count; i++) starting[i] = first.places[i]! - first.offset;
  for (const walk of others) {
    if (count === 0) return 0;
    count = keepThose(walk, count);
  }
  return count;
}

function keepThose(walk: Walk, count: number): number {
  const places = placesHere(walk);
  let kept = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    const wanted = starting[i]!;
    while (at < places && walk.places[at]! - walk.offset < wanted) at++;
    if (at === places) break;
    if (walk.places[at]! - walk.offset === wanted) starting[kept++] = wanted;
  }
  return kept;
}

/** Puts the word's places in the row it is at into `places`; returns how many. */
function placesHere(walk: Walk): number {
  if (walk.placed !== walk.block) {
    decodePlaceStarts(walk.list, walk.block, walk.starts);
    walk.placed = walk.block;
  }
  const from = walk.starts[walk.at]!;
  const count = walk.starts[walk.at + 1]! - from;
  if (count > walk.places.length) walk.places = new Uint32Array(count * 2);
  decodePlaces(walk.list, walk.block, from, count, walk.places);
  return count;
}
