import { crc32 } from 'node:zlib';
import type { JsonValue, RunId } from '@hakiri/core';
import type { SegmentFile, SegmentSink } from '../vector/segment-file.ts';
import { damagedIndex } from './index-error.ts';
import type { RowIdentities } from './opened-table.ts';

/**
 * `<part>.rows`: which row stands at each ordinal. Little-endian.
 *
 *   8        magic
 *   ...      keys, in blocks of 64 rows: a varint of the length, then the JSON of the values without brackets.
 *            None in a table without a key.
 *   8 each   a block's end, from the first block's start, and its CRC-32
 *   ...      run ids, 26 bytes each, by number
 *   0|1|2|4  each row's run, by number; none where there is one run
 *   0|4|8    each row's sequence; none where they follow one another
 *   48       trailer
 */
const MAGIC = Buffer.from('HKROWS\0\x01', 'latin1');
const TRAILER_BYTES = 48;
const BLOCK_ROWS = 64;
const RUN_BYTES = 26;

export interface RowsWriter {
  /** @param key JSON of an array; not read in a table without a key */
  add(run: RunId, seq: number, key: string): void;
  finish(): void;
}

/** Rows in the order of their ordinals. Holds 12 bytes a row. */
export function createRowsWriter(
  { rows, keyed }: { readonly rows: number; readonly keyed: boolean },
  sink: SegmentSink,
): RowsWriter {
  const runs = new Map<RunId, number>();
  const runOf = new Uint32Array(rows);
  const seqs = new Float64Array(rows);
  const blocks: number[] = [];
  let block: Buffer = Buffer.allocUnsafe(4096);
  let held = 0;
  let keyBytes = 0;
  let ordinal = 0;
  let lastRun: RunId | undefined;
  let lastNumber = 0;
  sink(MAGIC);

  const room = (bytes: number): void => {
    if (held + bytes <= block.length) return;
    const larger = Buffer.allocUnsafe(Math.max(block.length * 2, held + bytes));
    larger.set(block.subarray(0, held));
    block = larger;
  };
  const putKey = (key: string): void => {
    const text = key.slice(1, -1);
    const bytes = Buffer.byteLength(text);
    room(bytes + 5);
    let left = bytes;
    for (; left >= 0x80; left >>>= 7) block[held++] = (left & 0x7f) | 0x80;
    block[held++] = left;
    held += block.write(text, held);
  };
  const endBlock = (): void => {
    if (held === 0) return;
    const bytes = block.subarray(0, held);
    sink(bytes);
    keyBytes += held;
    blocks.push(keyBytes, crc32(bytes));
    held = 0;
  };

  return {
    add(run, seq, key) {
      if (ordinal >= rows) throw new RangeError(`More rows than the ${rows} of the part`);
      if (run !== lastRun) {
        lastRun = run;
        lastNumber = runs.get(run) ?? runs.size;
        runs.set(run, lastNumber);
      }
      runOf[ordinal] = lastNumber;
      seqs[ordinal] = seq;
      ordinal++;
      if (!keyed) return;
      putKey(key);
      if (ordinal % BLOCK_ROWS === 0) endBlock();
    },
    finish() {
      if (ordinal !== rows) throw new RangeError(`${ordinal} rows of the ${rows} of the part`);
      endBlock();
      const ends = Buffer.from(Uint32Array.from(blocks).buffer);
      const names = Buffer.from([...runs.keys()].join(''), 'latin1');
      if (names.length !== runs.size * RUN_BYTES) throw new RangeError('A run id is not of 26 characters');
      const runWidth = runs.size <= 1 ? 0 : runs.size <= 0x100 ? 1 : runs.size <= 0x10000 ? 2 : 4;
      const numbers = narrowed(runOf, runWidth);
      const follow = seqs.every((seq, i) => seq === (seqs[0] ?? 0) + i);
      const seqWidth = follow ? 0 : seqs.every((seq) => seq < 2 ** 32) ? 4 : 8;
      const sequences =
        seqWidth === 0
          ? Buffer.alloc(0)
          : Buffer.from(seqWidth === 4 ? Uint32Array.from(seqs).buffer : seqs.buffer);
      for (const section of [ends, names, numbers, sequences]) sink(section);
      const trailer = Buffer.alloc(TRAILER_BYTES);
      trailer.writeUInt32LE(rows, 0);
      trailer.writeUInt32LE(runs.size, 4);
      trailer.writeUInt8(runWidth, 8);
      trailer.writeUInt8(seqWidth, 9);
      trailer.writeUInt8(keyed ? 1 : 0, 10);
      trailer.writeUInt32LE(keyBytes, 12);
      trailer.writeDoubleLE(seqs[0] ?? 0, 16);
      [ends, names, numbers, sequences].forEach((section, i) => {
        trailer.writeUInt32LE(crc32(section), 24 + i * 4);
      });
      trailer.writeUInt32LE(crc32(trailer.subarray(0, 44)), 44);
      sink(trailer);
    },
  };
}

function narrowed(numbers: Uint32Array, width: 0 | 1 | 2 | 4): Buffer {
  switch (width) {
    case 0:
      return Buffer.alloc(0);
    case 1:
      return Buffer.from(Uint8Array.from(numbers).buffer);
    case 2:
      return Buffer.from(Uint16Array.from(numbers).buffer);
    case 4:
      return Buffer.from(numbers.buffer);
  }
}

/**
 * Opens the rows of a part. Runs and sequences are held from their first use, keys are read by block; each is
 * checked when it is read.
 * @throws HakiriError index.damaged, store.io
 */
export function openRowsFile(file: SegmentFile, path: string, expectedRows: number): RowIdentities {
  const damaged = (what: string) => damagedIndex(path, what);
  const read = (offset: number, length: number): Uint8Array => {
    if (offset < 0 || offset + length > file.bytes) throw damaged('it ends too early');
    return file.read(offset, length);
  };
  if (Buffer.compare(read(0, MAGIC.length), MAGIC) !== 0) throw damaged('it is not one');
  const trailer = Buffer.from(read(file.bytes - TRAILER_BYTES, TRAILER_BYTES));
  if (crc32(trailer.subarray(0, 44)) !== trailer.readUInt32LE(44)) throw damaged('its end does not fit');
  const rows = trailer.readUInt32LE(0);
  const runCount = trailer.readUInt32LE(4);
  const runWidth = trailer.readUInt8(8);
  const seqWidth = trailer.readUInt8(9);
  const keyed = trailer.readUInt8(10) === 1;
  const keyBytes = trailer.readUInt32LE(12);
  const firstSeq = trailer.readDoubleLE(16);
  if (rows !== expectedRows) throw damaged(`it is of ${rows} rows, not of ${expectedRows}`);
  const blockCount = keyed ? Math.ceil(rows / BLOCK_ROWS) : 0;
  const lengths = [blockCount * 8, runCount * RUN_BYTES, rows * runWidth, rows * seqWidth];
  const starts: number[] = [];
  let end = MAGIC.length + keyBytes;
  for (const length of lengths) {
    starts.push(end);
    end += length;
  }
  if (end + TRAILER_BYTES !== file.bytes) throw damaged('its size does not fit');

  const section = (number: number): Uint8Array => {
    const bytes = Uint8Array.from(read(starts[number]!, lengths[number]!));
    if (crc32(bytes) !== trailer.readUInt32LE(24 + number * 4)) throw damaged('a checksum does not fit');
    return bytes;
  };
  const once = <T>(make: () => T): (() => T) => {
    let made: { readonly value: T } | undefined;
    return () => {
      made ??= { value: make() };
      return made.value;
    };
  };
  const blocks = once(() => new Uint32Array(section(0).buffer));
  const runs = once(() => {
    const names = Buffer.from(section(1)).toString('latin1');
    return Array.from(
      { length: runCount },
      (_, i) => names.slice(i * RUN_BYTES, (i + 1) * RUN_BYTES) as RunId,
    );
  });
  const runOf = once(() => {
    const bytes = section(2);
    if (runWidth === 1) return bytes;
    return runWidth === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer);
  });
  const seqs = once(() => {
    const bytes = section(3);
    return seqWidth === 4 ? new Uint32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  });

  const runIndexAt = (ordinal: number): number => {
    const number = runWidth === 0 ? 0 : (runOf()[ordinal] ?? 0);
    if (number >= runCount) throw damaged('a row is of no run');
    return number;
  };
  const seqAt = (ordinal: number): number => (seqWidth === 0 ? firstSeq + ordinal : (seqs()[ordinal] ?? 0));

  let held: { readonly number: number; readonly bytes: Buffer } | undefined;
  /** Keys one after the other, each behind its length. */
  const keyBlock = (number: number): Buffer => {
    if (held?.number === number) return held.bytes;
    const ends = blocks();
    const from = number === 0 ? 0 : (ends[number * 2 - 2] ?? 0);
    const bytes = Buffer.from(read(MAGIC.length + from, (ends[number * 2] ?? 0) - from));
    if (crc32(bytes) !== ends[number * 2 + 1]) throw damaged('the checksum of its keys does not fit');
    held = { number, bytes };
    return bytes;
  };
  const keyIn = (bytes: Buffer, place: number): readonly JsonValue[] => {
    let at = 0;
    for (let i = 0; at < bytes.length; i++) {
      let length = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++] ?? 0;
        length |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      if (i === place) return JSON.parse(`[${bytes.toString('utf8', at, at + length)}]`) as JsonValue[];
      at += length;
    }
    throw damaged('a key is missing');
  };

  return {
    rows,
    get runs() {
      return runs();
    },
    runIndexAt,
    seqAt,
    keyAt(ordinal) {
      if (ordinal < 0 || ordinal >= rows) throw new RangeError(`There is no row ${ordinal} of ${rows}`);
      if (!keyed) return [runs()[runIndexAt(ordinal)]!, seqAt(ordinal)];
      return keyIn(keyBlock(Math.floor(ordinal / BLOCK_ROWS)), ordinal % BLOCK_ROWS);
    },
  };
}
