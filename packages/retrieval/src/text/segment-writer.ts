import type { Analyzer } from '@hakiri/core';
import { type ByteWriter, bitWidth, createByteWriter } from './byte-writer.ts';
import { checksum } from './checksum.ts';
import { BLOCK, DICTIONARY_BLOCK, encodeFooter, FOOTER, hasPositions, LONGEST_TERM, PAGE } from './format.ts';
import { frontierOf } from './frontier.ts';

/** A term's rows: ascending ordinals, how often each has it, and where, row after row. */
export interface Postings {
  readonly rows: number;
  readonly ordinals: Uint32Array;
  readonly frequencies: Uint32Array;
  /** Ascending within a row; not looked at for terms that have none. */
  readonly positions: Uint32Array;
}

export interface SegmentWriter {
  /** Terms come in ascending order. What is full is returned. */
  add(term: string, postings: Postings): readonly Uint8Array[];
  finish(): readonly Uint8Array[];
}

const CHUNK = 1 << 20;

/** `lengths`: words of each row. */
export function createSegmentWriter(analyzer: Analyzer, lengths: Uint32Array): SegmentWriter {
  const out = createByteWriter();
  const dictionary = createByteWriter();
  const firstTerms = createByteWriter();
  const pages = createPageChecksums();
  const encoder = new TextEncoder();
  const meta = createByteWriter();
  // Two of them in turns: the term, and the one before it.
  let bytes = new Uint8Array(LONGEST_TERM);
  let other = new Uint8Array(LONGEST_TERM);
  let terms = 0;
  let blockStart = 0;
  let previousLength = 0;
  let firstTerm: Uint8Array = new Uint8Array(0);

  function addToDictionary(term: string, rows: number, from: number, metaLength: number): void {
    const { read, written } = encoder.encodeInto(term, bytes);
    if (read !== term.length) throw new RangeError(`A word of ${term.length} letters`);
    if (terms % DICTIONARY_BLOCK === 0) {
      if (terms > 0) firstTerms.varint(dictionary.length - blockStart);
      blockStart = dictionary.length;
      frontCoded(firstTerms, firstTerm, bytes.subarray(0, written));
      firstTerm = bytes.slice(0, written);
      previousLength = 0;
      dictionary.varint(from);
    }
    frontCoded(dictionary, other.subarray(0, previousLength), bytes.subarray(0, written));
    previousLength = written;
    [bytes, other] = [other, bytes];
    dictionary.varint(rows);
    dictionary.varint(out.length - from);
    if (rows >= BLOCK) dictionary.varint(metaLength);
    terms++;
  }

  function full(least: number): readonly Uint8Array[] {
    if (out.length - pages.bytes < least) return [];
    const chunk = out.take();
    pages.add(chunk);
    return chunk.length > 0 ? [chunk] : [];
  }

  return {
    add(term, postings) {
      const positioned = hasPositions(analyzer, term);
      if (postings.rows >= BLOCK) out.align();
      const from = out.length;
      const metaLength =
        postings.rows < BLOCK
          ? writeFew(out, postings, positioned)
          : writeBlocks(out, meta, postings, positioned, lengths);
      addToDictionary(term, postings.rows, from, metaLength);
      return full(CHUNK);
    },
    finish() {
      if (terms > 0) firstTerms.varint(dictionary.length - blockStart);
      const dictionaryAt = out.length;
      out.bytes(dictionary.take());
      const firstTermsAt = out.length;
      out.bytes(firstTerms.take());
      out.align();
      const lengthsAt = out.length;
      const { lengthBytes, totalLength } = writeLengths(out, lengths);
      const chunks = [...full(0)];
      const checksumsAt = out.length;
      const checksums = pages.finish();
      const footer = encodeFooter({
        analyzer,
        rows: lengths.length,
        terms,
        dictionaryBlocks: Math.ceil(terms / DICTIONARY_BLOCK),
        lengthBytes,
        totalLength,
        dictionaryAt,
        firstTermsAt,
        lengthsAt,
        checksumsAt,
        sizeBytes: checksumsAt + checksums.length + FOOTER,
        checksumOfChecksums: checksum(checksums),
      });
      return [...chunks, checksums, footer];
    },
  };
}

function frontCoded(out: ByteWriter, previous: Uint8Array, bytes: Uint8Array): void {
  const most = Math.min(previous.length, bytes.length);
  let shared = 0;
  while (shared < most && previous[shared] === bytes[shared]) shared++;
  out.varint(shared);
  out.varint(bytes.length - shared);
  out.bytes(bytes.subarray(shared));
}

function writeFew(
  out: ByteWriter,
  { rows, ordinals, frequencies, positions }: Postings,
  positioned: boolean,
): 0 {
  let previous = -1;
  for (let i = 0; i < rows; i++) {
    out.varint(ordinals[i]! - previous - 1);
    out.varint(frequencies[i]! - 1);
    previous = ordinals[i]!;
  }
  if (!positioned) return 0;
  let at = 0;
  for (let i = 0; i < rows; i++) {
    let before = -1;
    for (let end = at + frequencies[i]!; at < end; at++) {
      out.varint(positions[at]! - before - 1);
      before = positions[at]!;
    }
  }
  return 0;
}

const gaps = new Uint32Array(BLOCK);
const more = new Uint32Array(BLOCK);

/** `meta` is empty, before and after. */
function writeBlocks(
  out: ByteWriter,
  meta: ByteWriter,
  postings: Postings,
  positioned: boolean,
  lengths: Uint32Array,
): number {
  const { rows, ordinals, frequencies, positions } = postings;
  const from = out.length;
  let previous = -1;
  for (let start = 0; start < rows; start += BLOCK) {
    const count = Math.min(BLOCK, rows - start);
    let widestGap = 0;
    let widestMore = 0;
    let total = 0;
    const before = previous;
    for (let i = 0; i < count; i++) {
      const ordinal = ordinals[start + i]!;
      gaps[i] = ordinal - previous - 1;
      more[i] = frequencies[start + i]! - 1;
      widestGap |= gaps[i]!;
      widestMore |= more[i]!;
      total += frequencies[start + i]!;
      previous = ordinal;
    }
    out.packed(gaps, 0, count, bitWidth(widestGap));
    out.packed(more, 0, count, bitWidth(widestMore));
    meta.varint(previous - before - 1);
    meta.byte(bitWidth(widestGap));
    meta.byte(bitWidth(widestMore));
    if (positioned) meta.varint(total);
    const frontier = frontierOf(ordinals, frequencies, start, start + count, lengths);
    meta.byte(frontier.length / 2);
    for (const value of frontier) meta.varint(value);
  }
  const postingWords = (out.length - from) / 4;
  const widths = positioned ? writePositions(out, rows, frequencies, positions) : new Uint8Array(0);
  const metaFrom = out.length;
  out.varint(postingWords);
  out.bytes(widths);
  out.bytes(meta.take());
  return out.length - metaFrom;
}

/** Of each block the width its positions took. */
function writePositions(
  out: ByteWriter,
  rows: number,
  frequencies: Uint32Array,
  positions: Uint32Array,
): Uint8Array {
  const widths = new Uint8Array(Math.ceil(rows / BLOCK));
  let at = 0;
  let steps = new Uint32Array(BLOCK * 4);
  for (let start = 0; start < rows; start += BLOCK) {
    const end = Math.min(start + BLOCK, rows);
    let count = 0;
    let widest = 0;
    for (let i = start; i < end; i++) {
      const frequency = frequencies[i]!;
      if (count + frequency > steps.length) steps = enlarged(steps, count + frequency);
      let before = -1;
      for (let j = 0; j < frequency; j++) {
        const position = positions[at++]!;
        const step = position - before - 1;
        steps[count++] = step;
        widest |= step;
        before = position;
      }
    }
    const width = bitWidth(widest);
    widths[start / BLOCK] = width;
    out.packed(steps, 0, count, width);
  }
  return widths;
}

function enlarged(array: Uint32Array<ArrayBuffer>, least: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(array.length * 2, least));
  larger.set(array);
  return larger;
}

function writeLengths(out: ByteWriter, lengths: Uint32Array) {
  let longest = 0;
  let totalLength = 0;
  for (const length of lengths) {
    if (length > longest) longest = length;
    totalLength += length;
  }
  const lengthBytes = longest < 0x100 ? 1 : longest < 0x1_0000 ? 2 : 4;
  const narrow =
    lengthBytes === 1 ? Uint8Array.from(lengths) : lengthBytes === 2 ? Uint16Array.from(lengths) : lengths;
  out.bytes(new Uint8Array(narrow.buffer, narrow.byteOffset, narrow.byteLength));
  return { lengthBytes, totalLength };
}

/** Checksums of pages over chunks of any size. */
function createPageChecksums() {
  const rest = new Uint8Array(PAGE);
  const sums: number[] = [];
  let resting = 0;
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    add(chunk: Uint8Array): void {
      bytes += chunk.length;
      let at = 0;
      while (at < chunk.length) {
        if (resting === 0 && at + PAGE <= chunk.length) {
          sums.push(checksum(chunk.subarray(at, at + PAGE)));
          at += PAGE;
          continue;
        }
        const count = Math.min(PAGE - resting, chunk.length - at);
        rest.set(chunk.subarray(at, at + count), resting);
        resting += count;
        at += count;
        if (resting < PAGE) continue;
        sums.push(checksum(rest));
        resting = 0;
      }
    },
    finish(): Uint8Array {
      if (resting > 0) sums.push(checksum(rest.subarray(0, resting)));
      return new Uint8Array(Uint32Array.from(sums).buffer);
    },
  };
}
