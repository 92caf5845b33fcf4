import { createByteReader } from './byte-reader.ts';
import { packedWords } from './byte-writer.ts';
import { damaged } from './damaged.ts';
import { BLOCK, type Footer } from './format.ts';
import type { ListPlace } from './text-segment.ts';
import { advanceTo, type RowInBlock, sumOf, unpack, unpackAscending, unpackOne } from './unpack.ts';

/** The rows that have a term, in blocks of 128 of which the last may be smaller. Blocks are read when they are asked for. */
export interface PostingList {
  readonly rows: number;
  readonly blocks: number;
  /** The last row of each block. */
  readonly lastRows: Uint32Array;
  /** All of it at once, where it is short or was made for one query; otherwise it lies in the file. */
  readonly whole: WholeList | undefined;
  readonly packed: PackedList | undefined;
  /** The highest scores of its blocks, before the word's weight, under the statistics they were last asked for. */
  bounds: ListBounds | undefined;
}

export interface ListBounds {
  readonly averageLength: number;
  readonly blocks: Float64Array;
  readonly all: number;
}

export interface WholeList {
  readonly ordinals: Uint32Array;
  readonly frequencies: Uint32Array;
  /** Of row after row; where the term has them. */
  readonly positions: Uint32Array | undefined;
}

export interface PackedList {
  readonly words: (from: number, to: number) => Uint32Array;
  readonly gapWidths: Uint8Array;
  readonly frequencyWidths: Uint8Array;
  /** Word of each block within the list, and where the last one ends. */
  readonly starts: Uint32Array;
  readonly groups: (Uint32Array | undefined)[];
  readonly positions: PackedPositions | undefined;
  /** Where each block's pairs start in `frontiers`, and where the last ones end. */
  readonly frontierStarts: Uint32Array;
  /** Pairs of frequency and length. */
  readonly frontiers: Uint32Array;
}

export interface PackedPositions {
  readonly widths: Uint8Array;
  readonly counts: Uint32Array;
  readonly starts: Uint32Array;
  readonly groups: (Uint32Array | undefined)[];
}

/** Read and checked together. */
const GROUP = 32;

/** What no list of a segment goes beyond. */
type Bounds = Pick<Footer, 'rows' | 'totalLength'>;
type Bytes = (offset: number, length: number) => Uint8Array;

/** @throws HakiriError index.damaged */
export function openPostingList(
  place: ListPlace,
  positioned: boolean,
  segment: Bounds,
  bytes: Bytes,
): PostingList {
  return place.rows < BLOCK
    ? readFew(place, positioned, segment, bytes)
    : readBlocks(place, positioned, segment, bytes);
}

/** Rows of one query, as a list: `ordinals` ascending. */
export function wholeList(whole: WholeList): PostingList {
  const rows = whole.ordinals.length;
  const blocks = Math.ceil(rows / BLOCK);
  const lastRows = new Uint32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    lastRows[block] = whole.ordinals[Math.min(rows, (block + 1) * BLOCK) - 1]!;
  }
  return { rows, blocks, lastRows, whole, packed: undefined, bounds: undefined };
}

function readFew(place: ListPlace, positioned: boolean, segment: Bounds, bytes: Bytes): PostingList {
  const few = createFewRows();
  readFewRows(place, positioned, segment, bytes, few);
  return wholeList({
    ordinals: few.ordinals.slice(0, few.rows),
    frequencies: few.frequencies.slice(0, few.rows),
    positions: positioned ? few.positions.slice(0, few.places) : undefined,
  });
}

/** A short list, in arrays that can be used again for the next one. */
export interface FewRows {
  rows: number;
  readonly ordinals: Uint32Array;
  readonly frequencies: Uint32Array;
  places: number;
  positions: Uint32Array;
}

export function createFewRows(): FewRows {
  return {
    rows: 0,
    ordinals: new Uint32Array(BLOCK),
    frequencies: new Uint32Array(BLOCK),
    places: 0,
    positions: new Uint32Array(BLOCK),
  };
}

/** @throws HakiriError index.damaged */
export function readFewRows(
  place: ListPlace,
  positioned: boolean,
  segment: Bounds,
  bytes: Bytes,
  into: FewRows,
): void {
  const { ordinals, frequencies } = into;
  source = bytes(place.offset, place.length);
  sourceAt = 0;
  let ordinal = -1;
  let total = 0;
  for (let i = 0; i < place.rows; i++) {
    ordinal += varint() + 1;
    if (ordinal >= segment.rows) throw damaged('a word of it is in a row that is not there');
    ordinals[i] = ordinal;
    frequencies[i] = varint() + 1;
    total += frequencies[i]!;
  }
  into.rows = place.rows;
  into.places = positioned ? total : 0;
  // A place takes a byte at least.
  if (into.places > place.length) throw damaged('a word of it has more places than it has room for');
  if (into.places > into.positions.length) into.positions = new Uint32Array(into.places * 2);
  const { positions } = into;
  for (let row = 0, at = 0; row < place.rows && positioned; row++) {
    let position = -1;
    for (const end = at + frequencies[row]!; at < end; at++) {
      position += varint() + 1;
      positions[at] = position;
    }
  }
  if (sourceAt !== source.length) throw damaged('a word of it has more places than it names');
}

// What is read now; a reader of its own for each of very many short lists would cost more than reading them.
let source: Uint8Array = new Uint8Array(0);
let sourceAt = 0;

/** Below 2^32. */
function varint(): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    if (sourceAt >= source.length) throw damaged('it ends in the middle of a number');
    const byte = source[sourceAt++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value >>> 0;
  }
  throw damaged('a number is too large');
}

function readBlocks(place: ListPlace, positioned: boolean, segment: Bounds, bytes: Bytes): PostingList {
  const { rows, offset, length, metaLength } = place;
  const blocks = Math.ceil(rows / BLOCK);
  const meta = createByteReader(bytes(offset + length - metaLength, metaLength));
  const postingWords = meta.varint();
  const positionWidths = positioned ? meta.bytes(blocks).slice() : new Uint8Array(0);
  const positionCounts = new Uint32Array(positioned ? blocks : 0);
  const lastRows = new Uint32Array(blocks);
  const gapWidths = new Uint8Array(blocks);
  const frequencyWidths = new Uint8Array(blocks);
  const starts = new Uint32Array(blocks + 1);
  const frontierStarts = new Uint32Array(blocks + 1);
  const frontiers: number[] = [];
  let last = -1;
  for (let block = 0; block < blocks; block++) {
    last += meta.varint() + 1;
    if (last >= segment.rows) throw damaged('a word of it is in a row that is not there');
    lastRows[block] = last;
    gapWidths[block] = meta.byte();
    frequencyWidths[block] = meta.byte();
    if (gapWidths[block]! > 32 || frequencyWidths[block]! > 32) throw damaged('a number of it is too wide');
    if (positioned) {
      const places = meta.varint();
      if (places > segment.totalLength) throw damaged('a word of it is in more places than there are');
      positionCounts[block] = places;
    }
    const count = Math.min(BLOCK, rows - block * BLOCK);
    const words = packedWords(count, gapWidths[block]!) + packedWords(count, frequencyWidths[block]!);
    starts[block + 1] = starts[block]! + words;
    for (let pairs = meta.byte(); pairs > 0; pairs--) frontiers.push(meta.varint(), meta.varint());
    frontierStarts[block + 1] = frontiers.length;
  }
  const positions = positioned ? packedPositions(positionWidths, positionCounts, postingWords) : undefined;
  const endWord = positions?.starts[blocks] ?? postingWords;
  if (!meta.done || starts[blocks] !== postingWords || endWord * 4 + metaLength !== length) {
    throw damaged('the blocks of a word do not have the size they should');
  }
  const packed: PackedList = {
    words: (from, to) => wordsOf(bytes(offset + from * 4, (to - from) * 4)),
    gapWidths,
    frequencyWidths,
    starts,
    groups: new Array(Math.ceil(blocks / GROUP)).fill(undefined),
    positions,
    frontierStarts,
    frontiers: Uint32Array.from(frontiers),
  };
  return { rows, blocks, lastRows, whole: undefined, packed, bounds: undefined };
}

function packedPositions(widths: Uint8Array, counts: Uint32Array, from: number): PackedPositions {
  const starts = new Uint32Array(widths.length + 1);
  starts[0] = from;
  for (let block = 0; block < widths.length; block++) {
    if (widths[block]! > 32) throw damaged('a number of it is too wide');
    starts[block + 1] = starts[block]! + packedWords(counts[block]!, widths[block]!);
  }
  return { widths, counts, starts, groups: new Array(Math.ceil(widths.length / GROUP)).fill(undefined) };
}

/** Held for long where they are few: the pages they came in are not held with them. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const own = bytes.buffer.byteLength > bytes.length * 2 ? bytes.slice() : bytes;
  return new Uint32Array(own.buffer, own.byteOffset, own.length >>> 2);
}

export function blockRows(list: PostingList, block: number): number {
  return block === list.blocks - 1 ? list.rows - block * BLOCK : BLOCK;
}

function groupOf(
  { groups, starts }: Pick<PackedList, 'groups' | 'starts'>,
  words: PackedList['words'],
  block: number,
): Uint32Array {
  const group = Math.floor(block / GROUP);
  const known = groups[group];
  if (known !== undefined) return known;
  const read = words(starts[group * GROUP]!, starts[Math.min((group + 1) * GROUP, starts.length - 1)]!);
  groups[group] = read;
  return read;
}

/** The rows of a block into `out`; returns how many. */
export function decodeOrdinals(list: PostingList, block: number, out: Uint32Array): number {
  const count = blockRows(list, block);
  const { whole, packed } = list;
  if (packed === undefined) {
    const from = block * BLOCK;
    const { ordinals } = whole!;
    for (let i = 0; i < count; i++) out[i] = ordinals[from + i]!;
    return count;
  }
  const words = groupOf(packed, packed.words, block);
  const start = packed.starts[block]! - packed.starts[block - (block % GROUP)]!;
  const before = block === 0 ? -1 : list.lastRows[block - 1]!;
  const last = unpackAscending(words, start, count, packed.gapWidths[block]!, before, out);
  if (last !== list.lastRows[block]) throw damaged('the rows of a word do not ascend as they should');
  return count;
}

/** How often each row of a block has the term, less one. */
export function decodeRepeats(list: PostingList, block: number, out: Uint32Array): void {
  const count = blockRows(list, block);
  const { whole, packed } = list;
  if (packed === undefined) {
    const from = block * BLOCK;
    const { frequencies } = whole!;
    for (let i = 0; i < count; i++) out[i] = frequencies[from + i]! - 1;
    return;
  }
  unpack(
    groupOf(packed, packed.words, block),
    repeatsStart(packed, block, count),
    count,
    packed.frequencyWidths[block]!,
    out,
  );
}

/** As `decodeRepeats`, of one row. */
export function repeatsAt(list: PostingList, block: number, index: number): number {
  const { whole, packed } = list;
  if (packed === undefined) return whole!.frequencies[block * BLOCK + index]! - 1;
  const start = repeatsStart(packed, block, blockRows(list, block));
  return unpackOne(groupOf(packed, packed.words, block), start, index, packed.frequencyWidths[block]!);
}

function repeatsStart(packed: PackedList, block: number, count: number): number {
  return (
    packed.starts[block]! -
    packed.starts[block - (block % GROUP)]! +
    packedWords(count, packed.gapWidths[block]!)
  );
}

/** Steps between the places of a block's rows, row after row; how many there are. */
export function decodeSteps(list: PostingList, block: number, out: { steps: Uint32Array }): number {
  const { packed } = list;
  if (packed?.positions === undefined) throw new RangeError('No block of places');
  const { positions } = packed;
  const count = positions.counts[block]!;
  if (count > out.steps.length) out.steps = new Uint32Array(count * 2);
  const start = positions.starts[block]! - positions.starts[block - (block % GROUP)]!;
  unpack(groupOf(positions, packed.words, block), start, count, positions.widths[block]!, out.steps);
  return count;
}

/** Before the first row of a block. */
export function startOfBlock(list: PostingList, block: number, here: RowInBlock): void {
  here.index = -1;
  here.row = block === 0 ? -1 : list.lastRows[block - 1]!;
}

/** On to the first row of the block that is not before `target`; the block has one. */
export function seekInBlock(list: PostingList, block: number, here: RowInBlock, target: number): void {
  const { whole, packed } = list;
  if (here.row >= target) return;
  if (packed === undefined) {
    const { ordinals } = whole!;
    let at = block * BLOCK + here.index + 1;
    while (ordinals[at]! < target) at++;
    here.index = at - block * BLOCK;
    here.row = ordinals[at]!;
    return;
  }
  const start = packed.starts[block]! - packed.starts[block - (block % GROUP)]!;
  advanceTo(groupOf(packed, packed.words, block), start, packed.gapWidths[block]!, here, target);
  if (here.row > list.lastRows[block]!) throw damaged('the rows of a word do not ascend as they should');
}

/** `count` places of a word in one row of a block, the first of them being number `from` there, into `out`. */
export function decodePlaces(
  list: PostingList,
  block: number,
  from: number,
  count: number,
  out: Uint32Array,
): void {
  const { whole, packed } = list;
  const positions = packed?.positions;
  const all = positions?.counts[block] ?? whole?.positions?.length ?? 0;
  if (from + count > all) throw damaged('a word of it has not the places it should');
  if (positions === undefined) {
    for (let i = 0; i < count; i++) out[i] = whole!.positions![from + i]!;
    return;
  }
  const words = groupOf(positions, packed!.words, block);
  const start = positions.starts[block]! - positions.starts[block - (block % GROUP)]!;
  let place = -1;
  for (let i = 0; i < count; i++) {
    place += unpackOne(words, start, from + i, positions.widths[block]!) + 1;
    out[i] = place;
  }
}

/** The number of each row's first place within the block, and after the last row's the number of all. */
export function decodePlaceStarts(list: PostingList, block: number, out: Uint32Array): void {
  const count = blockRows(list, block);
  decodeRepeats(list, block, out);
  let start = 0;
  for (let i = 0; i < count; i++) {
    const places = out[i]! + 1;
    out[i] = start;
    start += places;
  }
  out[count] = start;
}

/** As one of `decodePlaceStarts`, without the others. */
export function placesBefore(list: PostingList, block: number, index: number): number {
  const { whole, packed } = list;
  if (packed === undefined) {
    let places = 0;
    for (let i = block * BLOCK; i < block * BLOCK + index; i++) places += whole!.frequencies[i]!;
    return places;
  }
  const start = repeatsStart(packed, block, blockRows(list, block));
  const words = groupOf(packed, packed.words, block);
  return index + sumOf(words, start, index, packed.frequencyWidths[block]!);
}
