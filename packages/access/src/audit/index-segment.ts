/**
 * What was read, packed: for each row that a record tells of, 39 bits of its digest and the number of the record within
 * the segment, as one sorted list of 64-bit numbers. Ten million rows take 80 MB. So few bits may name another row:
 * whoever asks looks at the record itself.
 */

/** Numbers in a chunk, which is what is read at once. */
export const CHUNK = 4096;
/** Records of a segment have 24 bits, and a segment fits in memory. */
export const MOST_RECORDS = 1 << 22;
export const MOST_ENTRIES = 1 << 21;

export interface Place {
  /** Row in the table of files. */
  readonly file: number;
  readonly principal: number;
  readonly offset: number;
  readonly atMs: number;
}

export interface SegmentBuilder {
  readonly entries: number;
  readonly records: number;
  /** The record that entries are added to from now on. */
  record(place: Place): void;
  /** `digest` in base64url. */
  add(digest: string): void;
  /** Entries in order, and places, both as they are stored. */
  finish(): { readonly entries: BigUint64Array; readonly places: Buffer };
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = new Uint8Array(128);
for (let i = 0; i < 64; i++) VALUES[LETTERS.charCodeAt(i)] = i;

/** The first 39 bits. */
export function digestPrefix(digest: string): number {
  let value = 0;
  for (let i = 0; i < 7; i++) value = value * 64 + (VALUES[digest.charCodeAt(i) & 127] ?? 0);
  return Math.floor(value / 8);
}

const PLACE_BYTES = 24;

export const placesBytes = (records: number): number => records * PLACE_BYTES;

export function readPlace(places: Uint8Array, index: number): Place {
  const view = new DataView(places.buffer, places.byteOffset + index * PLACE_BYTES, PLACE_BYTES);
  return {
    file: view.getUint32(0, true),
    principal: view.getUint32(4, true),
    offset: view.getFloat64(8, true),
    atMs: view.getFloat64(16, true),
  };
}

/** Goes on with a segment that is not full. */
export function segmentBuilder(from?: {
  readonly entries: Uint8Array;
  readonly places: Uint8Array;
}): SegmentBuilder {
  let entries = new BigUint64Array(Math.max(1024, from === undefined ? 0 : from.entries.length / 4));
  let words = new Uint32Array(entries.buffer);
  let places = Buffer.alloc(Math.max(PLACE_BYTES * 256, from === undefined ? 0 : from.places.length * 2));
  let count = 0;
  let records = 0;
  if (from !== undefined) {
    new Uint8Array(entries.buffer).set(from.entries);
    count = from.entries.length / 8;
    places.set(from.places);
    records = from.places.length / PLACE_BYTES;
  }
  return {
    get entries() {
      return count;
    },
    get records() {
      return records;
    },
    record({ file, principal, offset, atMs }) {
      const at = records * PLACE_BYTES;
      if (at + PLACE_BYTES > places.length) places = Buffer.concat([places], places.length * 2);
      places.writeUInt32LE(file, at);
      places.writeUInt32LE(principal, at + 4);
      places.writeDoubleLE(offset, at + 8);
      places.writeDoubleLE(atMs, at + 16);
      records++;
    },
    add(digest) {
      if (count === entries.length) {
        const larger = new BigUint64Array(entries.length * 2);
        larger.set(entries);
        entries = larger;
        words = new Uint32Array(entries.buffer);
      }
      const prefix = digestPrefix(digest);
      words[count * 2] = ((prefix % 256) * 2 ** 24 + (records - 1)) >>> 0;
      words[count * 2 + 1] = Math.floor(prefix / 256);
      count++;
    },
    finish: () => ({
      entries: entries.subarray(0, count).sort(),
      places: places.subarray(0, records * PLACE_BYTES),
    }),
  };
}

/** Numbers of the records, within their segment, that have an entry with this prefix. */
export function recordsOf(entries: Uint8Array, prefix: number): readonly number[] {
  const list = new BigUint64Array(entries.slice().buffer);
  const from = BigInt(prefix) << 24n;
  const to = from + (1n << 24n);
  let low = 0;
  for (let high = list.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((list[middle] ?? 0n) < from) low = middle + 1;
    else high = middle;
  }
  const found: number[] = [];
  for (let i = low; i < list.length && (list[i] ?? to) < to; i++) found.push(Number((list[i] ?? 0n) - from));
  return found;
}
