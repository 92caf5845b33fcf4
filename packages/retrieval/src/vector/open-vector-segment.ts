import { crc32 } from 'node:zlib';
import { hasRow, rowSetFromWords } from '../sets/row-set.ts';
import type { SegmentFile } from './segment-file.ts';
import { slotsOf } from './slots.ts';
import { sharedTiles, type Tiles } from './tiles.ts';
import {
  aligned,
  blockShape,
  blocksBytes,
  copyOf,
  damaged,
  decodeHeader,
  decodeTrailer,
  TRAILER_BYTES,
} from './vector-format.ts';
import type { VectorKind, VectorSegment } from './vector-segment.ts';

/** Of a number that was rounded to the nearest whole one: what is lost is spread evenly over 1. */
const ROUNDING_DEVIATION = 1 / Math.sqrt(12);
/** Of sums in 32 bits. */
const FLOAT_DEVIATION = 1e-6;

/**
 * Opens the vectors of a part. What is read later is checked when it is read.
 * @param expected what the index says the segment is
 * @throws HakiriError index.damaged, also where the file holds something else than expected; store.io
 */
export function openVectorSegment(
  file: SegmentFile,
  expected: VectorKind & { readonly rows: number },
  tiles = sharedTiles(),
): VectorSegment {
  const read = (offset: number, length: number): Uint8Array => {
    if (offset < 0 || offset + length > file.bytes) throw damaged('it ends too early');
    return file.read(offset, length);
  };
  const { kind, rows, bytes: blocksAt } = decodeHeader(read);
  for (const name of ['dims', 'model', 'metric', 'scan'] as const) {
    if (kind[name] !== expected[name]) throw damaged(`its ${name} is ${kind[name]}, not ${expected[name]}`);
  }
  if (rows !== expected.rows) throw damaged(`it is of ${rows} rows, not of ${expected.rows}`);

  const presenceBytes = ((rows + 31) >>> 5) * 4;
  const { vectors, presenceCrc } = decodeTrailer(read(file.bytes - TRAILER_BYTES, TRAILER_BYTES));
  const shape = blockShape(kind);
  const presenceAt = blocksAt + blocksBytes(shape, vectors);
  if (presenceAt + presenceBytes + TRAILER_BYTES !== file.bytes) throw damaged('its size does not fit');
  const bits = copyOf(read(presenceAt, presenceBytes));
  if (crc32(bits) !== presenceCrc) throw damaged('the checksum of its rows does not fit');
  const present = rowSetFromWords(rows, new Uint32Array(bits.buffer));
  if (present.count !== vectors) throw damaged('it says another number of rows than it has');
  const slots = slotsOf(present);

  const blocks = Math.ceil(vectors / shape.rows);
  const fullBlock = shape.head(shape.rows) + shape.rows * shape.floatRow;
  const blockAt = (block: number): number => blocksAt + block * fullBlock;
  const countIn = (block: number): number => Math.min(shape.rows, vectors - block * shape.rows);
  const vectorBytes = kind.dims * 4;
  const addresses = new Float64Array(blocks).fill(-1);

  const floatsAt = (slot: number): number => {
    const block = Math.floor(slot / shape.rows);
    const inBlock = slot - block * shape.rows;
    return blockAt(block) + shape.head(countIn(block)) + inBlock * shape.floatRow;
  };

  /** Of rows within one block. */
  const floatsIn = (slot: number, count: number): readonly Float32Array[] => {
    const bytes = aligned(read(floatsAt(slot), count * shape.floatRow));
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return Array.from({ length: count }, (_, i) => {
      const from = i * shape.floatRow;
      if (crc32(bytes.subarray(from, from + vectorBytes)) !== view.getUint32(from + vectorBytes, true)) {
        throw damaged('the checksum of a vector does not fit');
      }
      return new Float32Array(bytes.buffer, bytes.byteOffset + from, kind.dims);
    });
  };

  const fillBytes = (block: number, tile: Uint8Array): void => {
    const count = countIn(block);
    const head = read(blockAt(block), shape.head(count));
    const checksum = new DataView(head.buffer, head.byteOffset).getUint32(head.length - 4, true);
    if (crc32(head.subarray(0, -4)) !== checksum) throw damaged('the checksum of a block does not fit');
    tile.set(head.subarray(0, count * shape.stride));
    tile.set(head.subarray(count * shape.stride, -4), shape.rows * shape.stride);
  };

  const fillFloats = (block: number, tile: Uint8Array): void => {
    tile.fill(0);
    floatsIn(block * shape.rows, countIn(block)).forEach((vector, i) => {
      tile.set(new Uint8Array(vector.buffer, vector.byteOffset, vectorBytes), i * shape.stride);
    });
  };

  const segment: VectorSegment = {
    kind,
    rows,
    present,
    slots,
    shape,
    vectorAt: (ordinal) => (hasRow(present, ordinal) ? floatsIn(slots.slotOf(ordinal), 1)[0] : undefined),
    cosineAt(ordinal, query) {
      if (!hasRow(present, ordinal)) return undefined;
      const row = rowBytes(shape.floatRow);
      file.readInto(floatsAt(slots.slotOf(ordinal)), row);
      const vector = row.subarray(0, vectorBytes);
      const checksum = new DataView(row.buffer).getUint32(vectorBytes, true);
      if (crc32(vector) !== checksum) throw damaged('the checksum of a vector does not fit');
      return dot(query, new Float32Array(row.buffer, 0, kind.dims));
    },
    vectorsFrom(slot, count) {
      const found: Float32Array[] = [];
      const end = Math.min(vectors, slot + count);
      for (let at = slot; at < end; ) {
        const inBlock = Math.min(end, (Math.floor(at / shape.rows) + 1) * shape.rows) - at;
        found.push(...floatsIn(at, inBlock));
        at += inBlock;
      }
      return found;
    },
    scanDeviation(ordinal) {
      if (kind.scan !== 'int8') return FLOAT_DEVIATION;
      const slot = slots.slotOf(ordinal);
      const block = Math.floor(slot / shape.rows);
      const address = addresses[block]!;
      if (address < 0) return Number.POSITIVE_INFINITY;
      const scaleAt = address + shape.rows * shape.stride + (slot - block * shape.rows) * 4;
      return tiles.views.floats[scaleAt >>> 2]! * ROUNDING_DEVIATION;
    },
    tileOf(block) {
      const address = addresses[block]!;
      if (address >= 0) tiles.touch(address);
      return address;
    },
    loadTile(block) {
      const fill = (tile: Uint8Array) =>
        kind.scan === 'int8' ? fillBytes(block, tile) : fillFloats(block, tile);
      const address = tiles.load(fill, forgetting(addresses, block));
      addresses[block] = address;
      return address;
    },
    release: () => releaseTiles({ addresses, tiles }),
  };
  unused.register(segment, { addresses, tiles });
  return segment;
}

/** Where rows are read that are looked at once. */
let scratch = new Uint8Array(0);

function rowBytes(length: number): Uint8Array<ArrayBuffer> {
  if (scratch.length < length) scratch = new Uint8Array(length);
  return scratch.subarray(0, length);
}

/** In four sums, which a processor adds up at once. */
function dot(a: Float32Array, b: Float32Array): number {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  const whole = a.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    first += a[i]! * b[i]!;
    second += a[i + 1]! * b[i + 1]!;
    third += a[i + 2]! * b[i + 2]!;
    fourth += a[i + 3]! * b[i + 3]!;
  }
  for (let i = whole; i < a.length; i++) first += a[i]! * b[i]!;
  return first + second + third + fourth;
}

interface HeldTiles {
  /** By block; -1 where it is not in memory. */
  readonly addresses: Float64Array;
  readonly tiles: Tiles;
}

/** Segments come and go with small writes; what nobody looks at any more needs no room. */
const unused = new FinalizationRegistry<HeldTiles>(releaseTiles);

function releaseTiles({ addresses, tiles }: HeldTiles): void {
  for (const address of addresses) if (address >= 0) tiles.release(address);
  addresses.fill(-1);
}

/** Holds nothing but the addresses: with the segment in its reach, that would never be unused. */
function forgetting(addresses: Float64Array, block: number): () => void {
  return () => {
    addresses[block] = -1;
  };
}
