import type { Analyzer } from '@hakiri/core';
import { ANALYZER_VERSION, SURFACE } from './analyzer.ts';
import { checksum } from './checksum.ts';
import { damaged } from './damaged.ts';

/*
 * A text segment, little-endian:
 *
 *   postings of every term in the dictionary's order
 *     fewer than 128 rows: varints of gaps and frequencies, then of the positions
 *     otherwise, from a multiple of four: packed blocks of 128 (gaps, frequencies), packed positions, and of each
 *     block its last row, widths and frontier
 *   dictionary: blocks of 32 terms, front-coded
 *   first term of every block
 *   words of each row, 1, 2 or 4 bytes each, from a multiple of four
 *   a checksum of every 4,096 bytes so far
 *   the footer below
 *
 * A frontier is what bounds the score of a block under any statistics: the pairs of term frequency and row length
 * that no other row of the block beats in both.
 */
export const FORMAT_VERSION = 1;
export const BLOCK = 128;
export const DICTIONARY_BLOCK = 32;
export const PAGE = 4096;
export const FOOTER = 80;
/** Of pairs in a frontier; more are made fewer, which only loosens the bound. */
export const LARGEST_FRONTIER = 8;
/** In UTF-8. */
export const LONGEST_TERM = 4096;

const MAGIC = 0x58_54_4b_48;
const ANALYZERS: readonly Analyzer[] = ['english', 'simple', 'none'];

export interface Footer {
  readonly analyzer: Analyzer;
  readonly rows: number;
  readonly terms: number;
  readonly dictionaryBlocks: number;
  readonly lengthBytes: number;
  readonly totalLength: number;
  readonly dictionaryAt: number;
  readonly firstTermsAt: number;
  readonly lengthsAt: number;
  readonly checksumsAt: number;
  readonly sizeBytes: number;
  readonly checksumOfChecksums: number;
}

export function hasPositions(analyzer: Analyzer, term: string): boolean {
  return analyzer !== 'none' && !term.startsWith(SURFACE);
}

export function encodeFooter(footer: Footer): Uint8Array {
  const bytes = new Uint8Array(FOOTER);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, FORMAT_VERSION, true);
  view.setUint8(6, ANALYZERS.indexOf(footer.analyzer));
  view.setUint8(7, ANALYZER_VERSION);
  view.setUint32(8, footer.rows, true);
  view.setUint32(12, footer.terms, true);
  view.setUint32(16, footer.dictionaryBlocks, true);
  view.setUint32(20, footer.lengthBytes, true);
  view.setFloat64(24, footer.totalLength, true);
  view.setFloat64(32, footer.dictionaryAt, true);
  view.setFloat64(40, footer.firstTermsAt, true);
  view.setFloat64(48, footer.lengthsAt, true);
  view.setFloat64(56, footer.checksumsAt, true);
  view.setFloat64(64, footer.sizeBytes, true);
  view.setUint32(72, footer.checksumOfChecksums, true);
  view.setUint32(76, checksum(bytes.subarray(0, 76)), true);
  return bytes;
}

/** @throws HakiriError index.damaged */
export function decodeFooter(bytes: Uint8Array, sizeBytes: number): Footer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw damaged('it is no text segment, or its end is missing');
  if (view.getUint32(76, true) !== checksum(bytes.subarray(0, 76)))
    throw damaged('its end does not match its checksum');
  if (view.getUint16(4, true) !== FORMAT_VERSION || view.getUint8(7) !== ANALYZER_VERSION) {
    throw damaged('another version of Hakiri wrote it');
  }
  const analyzer = ANALYZERS[view.getUint8(6)];
  if (analyzer === undefined) throw damaged('its analyzer is unknown');
  const footer: Footer = {
    analyzer,
    rows: view.getUint32(8, true),
    terms: view.getUint32(12, true),
    dictionaryBlocks: view.getUint32(16, true),
    lengthBytes: view.getUint32(20, true),
    totalLength: view.getFloat64(24, true),
    dictionaryAt: view.getFloat64(32, true),
    firstTermsAt: view.getFloat64(40, true),
    lengthsAt: view.getFloat64(48, true),
    checksumsAt: view.getFloat64(56, true),
    sizeBytes: view.getFloat64(64, true),
    checksumOfChecksums: view.getUint32(72, true),
  };
  check(footer, sizeBytes);
  return footer;
}

function check(footer: Footer, sizeBytes: number): void {
  const places = [0, footer.dictionaryAt, footer.firstTermsAt, footer.lengthsAt, footer.checksumsAt];
  const ascending = places.every((at, i) => Number.isSafeInteger(at) && at >= (places[i - 1] ?? 0));
  const consistent =
    ascending &&
    footer.sizeBytes === sizeBytes &&
    [1, 2, 4].includes(footer.lengthBytes) &&
    footer.lengthsAt % 4 === 0 &&
    footer.lengthsAt + footer.rows * footer.lengthBytes === footer.checksumsAt &&
    footer.checksumsAt + 4 * Math.ceil(footer.checksumsAt / PAGE) + FOOTER === sizeBytes &&
    footer.dictionaryBlocks === Math.ceil(footer.terms / DICTIONARY_BLOCK) &&
    footer.rows < 2 ** 31 &&
    Number.isSafeInteger(footer.totalLength) &&
    footer.totalLength >= 0;
  if (!consistent) throw damaged('its parts do not fit its size');
}
