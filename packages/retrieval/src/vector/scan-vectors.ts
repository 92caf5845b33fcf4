import type { RowSet } from '../sets/row-set.ts';
import { exactScores } from './exact-scores.ts';
import { QUERY_LENGTH, quantizeQuery } from './quantize.ts';
import { sharedTiles, type Tiles } from './tiles.ts';
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
  const { shape, slots, kind } = segment;
  const wanted = slots.slotsOf(rows);
  if (wanted.count === 0) return 0;
  setQuery(query, segment, tiles);
  const { kernel, bitsAt, outAt } = tiles;
  const scan = kind.scan === 'int8' ? kernel.scanBytes : kernel.scanFloats;
  const out = outAt >>> 2;
  for (let block = 0, from = 0; from < wanted.rows; block++, from += shape.rows) {
    const count = Math.min(shape.rows, wanted.rows - from);
    if (!copyBits(wanted, from, count, tiles)) continue;
    const resident = segment.tileOf(block);
    const tile = resident >= 0 ? resident : segment.loadTile(block);
    const found = scan(tile, bitsAt, from & 31, count, top.threshold, outAt);
    const { words, floats } = tiles.views;
    for (let i = 0; i < found; i++) {
      const slot = from + words[out + i * 2]!;
      top.offer(unit, slots.ordinalOf(slot), floats[out + i * 2 + 1]!);
    }
  }
  return wanted.count;
}

/** Whole words, to where the kernel reads them. Whether there is a row in them at all. */
function copyBits({ words }: RowSet, from: number, count: number, { views, bitsAt }: Tiles): boolean {
  const first = from >>> 5;
  const end = (from + count + 31) >>> 5;
  let some = 0;
  for (let i = first, at = bitsAt >>> 2; i < end; i++, at++) {
    const word = words[i]!;
    views.words[at] = word;
    some |= word;
  }
  return some !== 0;
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
