import type { RowSet } from '../sets/row-set.ts';
import { indexOfNext } from './cursor.ts';
import { BLOCK } from './format.ts';
import {
  decodeOrdinals,
  decodePlaceStarts,
  decodePlaces,
  type PostingList,
  placesBefore,
  repeatsAt,
  seekInBlock,
  startOfBlock,
  wholeList,
} from './posting-list.ts';
import type { TextSegment } from './text-segment.ts';
import type { RowInBlock } from './unpack.ts';

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
  const ordinals = new Uint32Array(BLOCK);
  for (let block = 0; block < lead.list.blocks; block++) {
    const count = decodeOrdinals(lead.list, block, ordinals);
    lead.block = block;
    for (let i = 0; i < count; i++) {
      const row = ordinals[i]!;
      if (((words[row >>> 5]! >>> (row & 31)) & 1) === 0) continue;
      if (!others.every((walk) => has(walk, row))) continue;
      lead.index = i;
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

/** A row in the list of one word of the phrase. */
interface Walk extends RowInBlock {
  readonly list: PostingList;
  /** Of the word in the phrase. */
  readonly offset: number;
  block: number;
  /** Of the word in the row. */
  places: Uint32Array;
  /** The block in which places were asked for once, and the one whose starts are known since they were asked again. */
  asked: number;
  started: number;
  readonly starts: Uint32Array;
}

function createWalk(list: PostingList, offset: number): Walk {
  return {
    list,
    offset,
    block: 0,
    index: -1,
    row: -1,
    places: new Uint32Array(16),
    asked: -1,
    started: -1,
    starts: new Uint32Array(BLOCK + 1),
  };
}

function has(walk: Walk, row: number): boolean {
  const { list } = walk;
  if (list.lastRows[list.blocks - 1]! < row) return false;
  if (list.lastRows[walk.block]! < row) {
    walk.block = indexOfNext(list.lastRows, walk.block, list.blocks, row);
    startOfBlock(list, walk.block, walk);
  }
  seekInBlock(list, walk.block, walk, row);
  return walk.row === row;
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
  const { list, block, index, starts } = walk;
  if (walk.asked === block && walk.started !== block) {
    decodePlaceStarts(list, block, starts);
    walk.started = block;
  }
  walk.asked = block;
  const known = walk.started === block;
  const from = known ? starts[index]! : placesBefore(list, block, index);
  const count = known ? starts[index + 1]! - from : repeatsAt(list, block, index) + 1;
  if (count > walk.places.length) walk.places = new Uint32Array(count * 2);
  decodePlaces(list, block, from, count, walk.places);
  return count;
}
