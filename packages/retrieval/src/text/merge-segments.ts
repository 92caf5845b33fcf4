import { damaged } from './damaged.ts';
import { BLOCK, hasPositions } from './format.ts';
import {
  createFewRows,
  decodeOrdinals,
  decodeRepeats,
  decodeSteps,
  type PostingList,
} from './posting-list.ts';
import { createSegmentWriter, type Postings } from './segment-writer.ts';
import type { TermEntry, TextSegment } from './text-segment.ts';

export interface TextMergeSource {
  readonly segment: TextSegment;
  /** Of each row of the segment its ordinal in what comes out; -1 where it is gone. */
  readonly newOrdinal: Int32Array;
}

/**
 * One segment out of many, of the rows that are left, as if it had been built from their texts; nothing is analysed
 * again. No two rows have the same new ordinal. Holds one term's postings at a time; the pieces in their order are
 * the file.
 */
export function* mergeTextSegments(sources: readonly TextMergeSource[], rows: number): Generator<Uint8Array> {
  const [first] = sources;
  if (first === undefined) throw new RangeError('Nothing to merge');
  const { analyzer } = first.segment;
  if (sources.some(({ segment }) => segment.analyzer !== analyzer)) throw new RangeError('Analyzers differ');
  const writer = createSegmentWriter(analyzer, mergedLengths(sources, rows));
  const gather = createGatherer(rows);
  for (const [term, from] of mergedTerms(sources)) {
    const postings = gather(from, hasPositions(analyzer, term));
    if (postings.rows > 0) yield* writer.add(term, postings);
  }
  yield* writer.finish();
}

function mergedLengths(sources: readonly TextMergeSource[], rows: number): Uint32Array {
  const lengths = new Uint32Array(rows);
  const taken = new Uint8Array(rows);
  for (const { segment, newOrdinal } of sources) {
    if (newOrdinal.length !== segment.rows) throw new RangeError('Not an ordinal for each row');
    const old = segment.lengths();
    for (let row = 0; row < newOrdinal.length; row++) {
      const to = newOrdinal[row]!;
      if (to < 0) continue;
      if (to >= rows || taken[to] === 1)
        throw new RangeError(`Row ${to} of ${rows} is not there, or there twice`);
      taken[to] = 1;
      lengths[to] = old[row]!;
    }
  }
  return lengths;
}

interface TermSource {
  readonly source: TextMergeSource;
  readonly rest: Iterator<TermEntry>;
  entry: TermEntry;
}

/** Every term once, ascending, with the sources that are at it. */
function* mergedTerms(
  sources: readonly TextMergeSource[],
): Generator<readonly [string, readonly TermSource[]]> {
  // A heap with the least term on top.
  const heap: TermSource[] = [];
  for (const source of sources) {
    const rest = source.segment.everyEntry()[Symbol.iterator]();
    const { value, done } = rest.next();
    if (done !== true) push(heap, { source, rest, entry: value });
  }
  const here: TermSource[] = [];
  while (heap.length > 0) {
    const { term } = heap[0]!.entry;
    here.length = 0;
    while (heap[0]?.entry.term === term) here.push(pop(heap));
    yield [term, here];
    for (const one of here) {
      const { value, done } = one.rest.next();
      if (done === true) continue;
      if (value.term <= term) throw damaged('its words do not ascend');
      one.entry = value;
      push(heap, one);
    }
  }
}

function push(heap: TermSource[], one: TermSource): void {
  let at = heap.length;
  heap.push(one);
  for (; at > 0; at = (at - 1) >> 1) {
    const parent = heap[(at - 1) >> 1]!;
    if (parent.entry.term <= one.entry.term) break;
    heap[at] = parent;
  }
  heap[at] = one;
}

function pop(heap: TermSource[]): TermSource {
  const top = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.entry.term < heap[child]!.entry.term) child++;
    if (heap[child]!.entry.term >= last.entry.term) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return top;
}

/** The rows of one term that are left, under their new ordinals and in their order. */
function createGatherer(allRows: number) {
  const few = createFewRows();
  const ordinals = new Uint32Array(BLOCK);
  const repeats = new Uint32Array(BLOCK);
  const block = { steps: new Uint32Array(BLOCK) };
  let rowTo = new Uint32Array(BLOCK);
  let frequencyOf = new Uint32Array(BLOCK);
  let placesAt = new Uint32Array(BLOCK);
  let places = new Uint32Array(BLOCK);
  let rows = 0;
  let placed = 0;

  function add(to: number, frequency: number): void {
    if (rows === rowTo.length) {
      rowTo = doubled(rowTo);
      frequencyOf = doubled(frequencyOf);
      placesAt = doubled(placesAt);
    }
    rowTo[rows] = to;
    frequencyOf[rows] = frequency;
    placesAt[rows++] = placed;
  }

  function addPlace(position: number): void {
    if (placed === places.length) places = doubled(places);
    places[placed++] = position;
  }

  function takeFew(newOrdinal: Int32Array, positioned: boolean): void {
    for (let i = 0, at = 0; i < few.rows; i++) {
      const to = newOrdinal[few.ordinals[i]!]!;
      const frequency = few.frequencies[i]!;
      if (to >= 0) {
        add(to, frequency);
        for (let j = 0; positioned && j < frequency; j++) addPlace(few.positions[at + j]!);
      }
      at += frequency;
    }
  }

  function takeBlocks(list: PostingList, newOrdinal: Int32Array, positioned: boolean): void {
    for (let b = 0; b < list.blocks; b++) {
      const count = decodeOrdinals(list, b, ordinals);
      decodeRepeats(list, b, repeats);
      const steps = positioned ? decodeSteps(list, b, block) : 0;
      let at = 0;
      for (let i = 0; i < count; i++) {
        const to = newOrdinal[ordinals[i]!]!;
        const frequency = repeats[i]! + 1;
        if (to >= 0) {
          add(to, frequency);
          let position = -1;
          for (let j = 0; positioned && j < frequency; j++) {
            position += block.steps[at + j]! + 1;
            addPlace(position);
          }
        }
        at += frequency;
      }
      if (positioned && at !== steps) throw damaged('a word of it has not the places it should');
    }
  }

  return (sources: readonly TermSource[], positioned: boolean): Postings => {
    rows = 0;
    placed = 0;
    for (const { entry, source } of sources) {
      const list = source.segment.readList(entry, few);
      if (list === undefined) takeFew(source.newOrdinal, positioned);
      else takeBlocks(list, source.newOrdinal, positioned);
    }
    for (let i = 1; i < rows; i++) {
      if (rowTo[i]! < rowTo[i - 1]!) return sorted(positioned);
    }
    return { rows, ordinals: rowTo, frequencies: frequencyOf, positions: places };
  };

  function sorted(positioned: boolean): Postings {
    const order = orderOf();
    const ordinals = new Uint32Array(rows);
    const frequencies = new Uint32Array(rows);
    const positions = new Uint32Array(positioned ? placed : 0);
    let at = 0;
    for (let i = 0; i < rows; i++) {
      const from = order[i]!;
      ordinals[i] = rowTo[from]!;
      frequencies[i] = frequencyOf[from]!;
      if (!positioned) continue;
      const start = placesAt[from]!;
      for (let j = 0; j < frequencyOf[from]!; j++) positions[at++] = places[start + j]!;
    }
    return { rows, ordinals, frequencies, positions };
  }

  /** Which row comes first, second, ... */
  function orderOf(): Uint32Array | Float64Array {
    // Numbers that hold both are sorted much faster than what must be compared by a function.
    const scale = rows + 1;
    if (allRows * scale > Number.MAX_SAFE_INTEGER) {
      return Uint32Array.from({ length: rows }, (_, i) => i).sort((a, b) => rowTo[a]! - rowTo[b]!);
    }
    const keys = new Float64Array(rows);
    for (let i = 0; i < rows; i++) keys[i] = rowTo[i]! * scale + i;
    keys.sort();
    for (let i = 0; i < rows; i++) keys[i] = keys[i]! % scale;
    return keys;
  }
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
