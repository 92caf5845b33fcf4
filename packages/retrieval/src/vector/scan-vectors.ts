import type { RowSet } from '../sets/row-set.ts';
import { exactScores } from './exact-scores.ts';
import { QUERY_LENGTH, quantizeQuery } from './quantize.ts';
import { MAX_PLACES, sharedTiles, type Tiles } from './tiles.ts';
import { createTopRows, type ScoredRow, type TieOrder, type TopRows } from './top-rows.ts';
import type { VectorSegment } from './vector-segment.ts';

/** Where to look: `rows` are those of the unit that are alive and allowed. */
export interface ScannedUnit {
  readonly unit: number;
  readonly segment: VectorSegment;
  readonly rows: RowSet;
}

export interface Scanned {
  /** Best first; the score is the cosine. */
  readonly rows: readonly ScoredRow[];
  /** Vectors that were compared. */
  readonly scanned: number;
}

/** So many more rows than asked for go on from the scan of bytes to the comparison of floats. */
const CANDIDATES_PER_HIT = 4;
/** A score of the scan that is further off than this many standard deviations is not met in practice. */
const DEVIATIONS = 8;
/** From this share of a unit's vectors on, all are scanned, one after the other as memory likes it, and some dropped. */
const DENSE = 0.4;

/**
 * The rows whose vectors are nearest to the query, best first, each with its cosine.
 * @param query of length 1
 * @throws HakiriError index.damaged, store.io
 */
export function scanVectors(
  query: Float32Array,
  units: readonly ScannedUnit[],
  k: number,
  ties: TieOrder,
  tiles = sharedTiles(),
): Scanned {
  const top = createTopRows(k * CANDIDATES_PER_HIT, ties);
  let scanned = 0;
  for (const unit of units) scanned += scanUnit(query, unit, top, tiles);
  const segments = new Map(units.map(({ unit, segment }) => [unit, segment]));
  const segmentOf = (unit: number): VectorSegment => segments.get(unit)!;
  const rows = exactScores(
    query,
    top.sorted(),
    segmentOf,
    ties,
    k,
    ({ unit, ordinal }) => segmentOf(unit).scanDeviation(ordinal) * DEVIATIONS,
  );
  return { rows, scanned };
}

function scanUnit(
  query: Float32Array,
  { unit, segment, rows }: ScannedUnit,
  top: TopRows,
  tiles: Tiles,
): number {
  const vectors = segment.present.count;
  const wanted = countShared(segment.present, rows);
  if (wanted === 0) return 0;
  setQuery(query, segment, tiles);
  if (wanted > vectors * DENSE) scanAll(unit, segment, wanted === vectors ? undefined : rows, top, tiles);
  else scanPicked(unit, segment, rows, top, tiles);
  return wanted;
}

function setQuery(query: Float32Array, { kind, shape }: VectorSegment, tiles: Tiles): void {
  const { buffer } = tiles.views.bytes;
  if (kind.scan === 'int8') {
    const numbers = new Int16Array(buffer, tiles.queryAt, shape.stride).fill(0);
    quantizeQuery(query, numbers);
  } else {
    new Float32Array(buffer, tiles.queryAt, shape.stride / 4).fill(0).set(query);
  }
  tiles.kernel.setQuery(tiles.queryAt, shape.stride, shape.rows * shape.stride, 1 / QUERY_LENGTH);
}

function scanAll(
  unit: number,
  segment: VectorSegment,
  rows: RowSet | undefined,
  top: TopRows,
  tiles: Tiles,
): void {
  const { kernel, outAt } = tiles;
  const { shape, present, slots } = segment;
  const scan = segment.kind.scan === 'int8' ? kernel.scanBytes : kernel.scanFloats;
  const out = outAt >>> 2;
  for (let block = 0, from = 0; from < present.count; block++, from += shape.rows) {
    const resident = segment.tileOf(block);
    const tile = resident >= 0 ? resident : segment.loadTile(block);
    const count = Math.min(shape.rows, present.count - from);
    const found = scan(tile, 0, count, top.threshold, outAt);
    if (found === 0) continue;
    const { words, floats } = tiles.views;
    for (let i = 0; i < found; i++) {
      const ordinal = slots.ordinalOf(from + words[out + i * 2]! - tile);
      const unwanted = rows && ((rows.words[ordinal >>> 5]! >>> (ordinal & 31)) & 1) === 0;
      if (!unwanted) top.offer(unit, ordinal, floats[out + i * 2 + 1]!);
    }
  }
}

const places = new Uint32Array(MAX_PLACES);
const ordinals = new Uint32Array(MAX_PLACES);

function scanPicked(unit: number, segment: VectorSegment, rows: RowSet, top: TopRows, tiles: Tiles): void {
  const { kernel, outAt, placesAt } = tiles;
  const { shape, present, slots } = segment;
  const pick = segment.kind.scan === 'int8' ? kernel.pickBytes : kernel.pickFloats;
  const out = outAt >>> 2;
  let count = 0;
  const flush = (): void => {
    tiles.views.words.set(places.subarray(0, count), placesAt >>> 2);
    const found = pick(placesAt, count, top.threshold, outAt);
    const { words, floats } = tiles.views;
    for (let i = 0; i < found; i++) {
      top.offer(unit, ordinals[words[out + i * 2]!]!, floats[out + i * 2 + 1]!);
    }
    count = 0;
  };

  const dense = present.count === present.rows;
  let blockFrom = 0;
  let blockEnd = 0;
  let tile = 0;
  for (let word = 0; word < present.words.length; word++) {
    let bits = present.words[word]! & rows.words[word]!;
    while (bits !== 0) {
      const ordinal = word * 32 + 31 - Math.clz32(bits & -bits);
      bits &= bits - 1;
      const slot = dense ? ordinal : slots.slotOf(ordinal);
      if (slot >= blockEnd) {
        const block = Math.floor(slot / shape.rows);
        blockFrom = block * shape.rows;
        blockEnd = blockFrom + shape.rows;
        tile = segment.tileOf(block);
        if (tile < 0) {
          // What is picked already must not lose its tile to this one.
          if (tiles.full) flush();
          tile = segment.loadTile(block);
        }
      }
      places[count] = tile + slot - blockFrom;
      ordinals[count] = ordinal;
      if (++count === MAX_PLACES) flush();
    }
  }
  if (count > 0) flush();
}

function countShared(a: RowSet, b: RowSet): number {
  let count = 0;
  for (let i = 0; i < a.words.length; i++) {
    let word = a.words[i]! & b.words[i]!;
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
