import { crc32 } from 'node:zlib';
import { HakiriError } from '@hakiri/core';
import type { VectorKind } from './vector-segment.ts';

/*
 * A file, numbers little-endian:
 *
 *   header    magic, version, dims, rows of the part, metric, scan, model's bytes (u32 each), model, crc32
 *   blocks    of as many vectors as fill a tile, the last one shorter; where bytes are scanned each begins with
 *             its vectors as bytes (padded to `stride`), their scales (f32) and a crc32 of both;
 *             then its vectors as floats, each followed by its crc32
 *   presence  a bit a row
 *   trailer   vectors, crc32 of presence, magic, crc32 of these
 */

export const MAGIC = 0x43564b48;
export const VERSION = 1;
export const TILE_BYTES = 65_536;
export const MAX_DIMS = 16_384;
export const TRAILER_BYTES = 16;
const HEADER_NUMBERS = 7;
const MAX_MODEL_BYTES = 1024;
const METRICS = ['cosine'] as const;
const SCANS = ['int8', 'float'] as const;

/** Sizes in bytes that follow from dimensions and the way of scanning. */
export interface BlockShape {
  /** Of a row in a tile. */
  readonly stride: number;
  /** Rows of a full block. */
  readonly rows: number;
  /** Of a vector as floats, its checksum included. */
  readonly floatRow: number;
  /** From the beginning of a block of `count` rows to its floats. */
  head(count: number): number;
}

export function blockShape({ dims, scan }: VectorKind): BlockShape {
  const floatRow = dims * 4 + 4;
  if (scan === 'float') {
    const stride = Math.ceil(dims / 4) * 16;
    return { stride, rows: Math.floor(TILE_BYTES / stride), floatRow, head: () => 0 };
  }
  const stride = Math.ceil(dims / 16) * 16;
  return {
    stride,
    rows: Math.floor(TILE_BYTES / (stride + 4)),
    floatRow,
    head: (count) => count * (stride + 4) + 4,
  };
}

/** Of the blocks of `vectors` vectors. */
export function blocksBytes(shape: BlockShape, vectors: number): number {
  const full = Math.floor(vectors / shape.rows);
  const rest = vectors - full * shape.rows;
  const blockBytes = (count: number) => shape.head(count) + count * shape.floatRow;
  return full * blockBytes(shape.rows) + (rest > 0 ? blockBytes(rest) : 0);
}

export function encodeHeader(kind: VectorKind, rows: number): Uint8Array {
  const model = new TextEncoder().encode(kind.model);
  if (model.length > MAX_MODEL_BYTES) throw new RangeError(`A model's name of ${model.length} bytes`);
  if (kind.dims < 1 || kind.dims > MAX_DIMS) throw new RangeError(`Vectors of ${kind.dims} dimensions`);
  const bytes = new Uint8Array(HEADER_NUMBERS * 4 + model.length + 4);
  const numbers = [
    MAGIC,
    VERSION,
    kind.dims,
    rows,
    METRICS.indexOf(kind.metric),
    SCANS.indexOf(kind.scan),
    model.length,
  ];
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => {
    view.setUint32(i * 4, number, true);
  });
  bytes.set(model, HEADER_NUMBERS * 4);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

export interface Header {
  readonly kind: VectorKind;
  readonly rows: number;
  readonly bytes: number;
}

/** @throws HakiriError index.damaged */
export function decodeHeader(read: (offset: number, length: number) => Uint8Array): Header {
  const numbers = new DataView(copyOf(read(0, HEADER_NUMBERS * 4)).buffer);
  const number = (i: number) => numbers.getUint32(i * 4, true);
  if (number(0) !== MAGIC) throw damaged('it does not begin as one');
  if (number(1) !== VERSION) throw damaged(`its version is ${number(1)}`);
  const modelBytes = number(6);
  const metric = METRICS[number(4)];
  const scan = SCANS[number(5)];
  const dims = number(2);
  if (modelBytes > MAX_MODEL_BYTES || !metric || !scan || dims < 1 || dims > MAX_DIMS) {
    throw damaged('its header is not one');
  }
  const length = HEADER_NUMBERS * 4 + modelBytes + 4;
  const bytes = copyOf(read(0, length));
  if (crc32(bytes.subarray(0, -4)) !== new DataView(bytes.buffer).getUint32(length - 4, true)) {
    throw damaged('the checksum of its header does not fit');
  }
  const model = new TextDecoder().decode(bytes.subarray(HEADER_NUMBERS * 4, -4));
  return { kind: { dims, model, metric, scan }, rows: number(3), bytes: length };
}

export function encodeTrailer(vectors: number, presence: Uint8Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(TRAILER_BYTES));
  view.setUint32(0, vectors, true);
  view.setUint32(4, crc32(presence), true);
  view.setUint32(8, MAGIC, true);
  view.setUint32(12, crc32(new Uint8Array(view.buffer, 0, 12)), true);
  return new Uint8Array(view.buffer);
}

/** @throws HakiriError index.damaged */
export function decodeTrailer(bytes: Uint8Array): { readonly vectors: number; readonly presenceCrc: number } {
  const view = new DataView(copyOf(bytes).buffer);
  if (
    view.getUint32(8, true) !== MAGIC ||
    view.getUint32(12, true) !== crc32(new Uint8Array(view.buffer, 0, 12))
  ) {
    throw damaged('it does not end as one');
  }
  return { vectors: view.getUint32(0, true), presenceCrc: view.getUint32(4, true) };
}

export function damaged(why: string): HakiriError {
  return new HakiriError('index.damaged', `A file of vectors is damaged: ${why}`);
}

/** The same bytes where floats can be read from. */
export const aligned = (bytes: Uint8Array): Uint8Array =>
  bytes.byteOffset % 4 === 0 ? bytes : copyOf(bytes);

/** Aligned, and of a buffer of its own. */
export const copyOf = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
