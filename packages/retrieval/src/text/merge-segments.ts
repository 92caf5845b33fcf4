import { damaged } from './damaged.ts';
import { BLOCK, hasPositions } from './format.ts';
import { decodeOrdinals, decodeRepeats, decodeSteps, type PostingList } from './posting-list.ts';
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
  const gather = createGatherer();
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
  readonly entry: TermEntry;
  readonly source: TextMergeSource;
}

/** Every term once, ascending, with where it is. */
function* mergedTerms(
  sources: readonly TextMergeSource[],
): Generator<readonly [string, readonly TermSource[]]> {
  const open = sources.flatMap((source) => {
    const entries = source.segment.entries('')[Symbol.iterator]();
    const { value, done } = entries.next();
    return done === true ? [] : [{ source, entries, entry: value as TermEntry }];
  });
  let left = open;
  while (left.length > 0) {
    let least = left[0]!.entry.term;
    for (const { entry } of left) if (entry.term < least) least = entry.term;
    const here = left.filter(({ entry }) => entry.term === least);
    yield [least, here.map(({ entry, source }) => ({ entry, source }))];
    let ended = false;
    for (const one of here) {
      const { value, done } = one.entries.next();
      if (done === true) ended = true;
      else if ((value as TermEntry).term <= least) throw damaged('its words do not ascend');
      one.entry = value as TermEntry;
    }
    if (ended) left = left.filter(({ entry }) => entry !== undefined);
  }
}

/** The rows of one term that are left, under their new ordinals and in their order. */
function createGatherer() {
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

  function takeWhole(list: PostingList, newOrdinal: Int32Array): void {
    const whole = list.whole!;
    for (let i = 0, at = 0; i < list.rows; i++) {
      const to = newOrdinal[whole.ordinals[i]!]!;
      const frequency = whole.frequencies[i]!;
      if (to >= 0) {
        add(to, frequency);
        for (let j = 0; whole.positions !== undefined && j < frequency; j++)
          addPlace(whole.positions[at + j]!);
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
      const list = source.segment.readList(entry);
      if (list.whole !== undefined) takeWhole(list, source.newOrdinal);
      else takeBlocks(list, source.newOrdinal, positioned);
    }
    for (let i = 1; i < rows; i++) {
      if (rowTo[i]! < rowTo[i - 1]!) return sorted(positioned);
    }
    return { rows, ordinals: rowTo, frequencies: frequencyOf, positions: places };
  };

  function sorted(positioned: boolean): Postings {
    const order = Uint32Array.from({ length: rows }, (_, i) => i).sort((a, b) => rowTo[a]! - rowTo[b]!);
    const ordered = new Uint32Array(positioned ? placed : 0);
    let at = 0;
    for (let i = 0; positioned && i < rows; i++) {
      const from = placesAt[order[i]!]!;
      const count = frequencyOf[order[i]!]!;
      ordered.set(places.subarray(from, from + count), at);
      at += count;
    }
    return {
      rows,
      ordinals: order.map((i) => rowTo[i]!),
      frequencies: order.map((i) => frequencyOf[i]!),
      positions: ordered,
    };
  }
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
