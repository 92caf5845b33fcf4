import { createByteCache } from './byte-cache.ts';
import { checksum } from './checksum.ts';
import { damaged } from './damaged.ts';
import { openDictionary } from './dictionary.ts';
import { BLOCK, decodeFooter, FOOTER, hasPositions, PAGE } from './format.ts';
import { openPostingList, type PostingList, readFewRows } from './posting-list.ts';
import type { TermEntry, TextSegment } from './text-segment.ts';

/** Exactly these bytes of the file, or fewer where it ends before. What is returned is not written to again. */
export type ReadBytes = (offset: number, length: number) => Uint8Array;

const READ_AHEAD = 64 * 1024;
const CACHE_BYTES = 64 * 1024 * 1024;
/** One for all segments: what is asked often is kept, wherever it lies. */
const cache = createByteCache(CACHE_BYTES);
let opened = 0;

/**
 * Reads the end only; the rest when it is asked for. Every byte is checked before it is used, now and later.
 * @throws HakiriError index.damaged
 */
export function openTextSegment(read: ReadBytes, sizeBytes: number): TextSegment {
  if (sizeBytes < FOOTER) throw damaged('it is too short');
  const footer = decodeFooter(exactly(read, sizeBytes - FOOTER, FOOTER), sizeBytes);
  const sums = aligned(exactly(read, footer.checksumsAt, sizeBytes - FOOTER - footer.checksumsAt));
  if (checksum(sums) !== footer.checksumOfChecksums) throw damaged('its checksums do not match their own');
  const pages = new DataView(sums.buffer, sums.byteOffset, sums.byteLength);
  const key = `${opened++}`;
  let lengths: Uint32Array | undefined;

  /** From a multiple of four in the file comes a multiple of four in memory. */
  function bytes(offset: number, length: number): Uint8Array {
    return pagesWith(offset, length, 0).subarray(offset % PAGE, (offset % PAGE) + length);
  }

  /** The pages that hold these bytes, and those of `ahead` more. */
  function pagesWith(offset: number, length: number, ahead: number): Uint8Array {
    const from = offset - (offset % PAGE);
    const to = Math.min(footer.checksumsAt, Math.ceil((offset + Math.max(length, ahead)) / PAGE) * PAGE);
    if (offset + length > to) throw damaged('it names a place outside of itself');
    const span = aligned(exactly(read, from, to - from));
    for (let at = from; at < to; at += PAGE) {
      const page = span.subarray(at - from, Math.min(at + PAGE, to) - from);
      if (checksum(page) !== pages.getUint32((at / PAGE) * 4, true)) {
        throw damaged(`a page of it does not match its checksum (at byte ${at})`);
      }
    }
    return span;
  }

  /** For who reads on where they stopped: what was read ahead serves the next ones. */
  function readerAhead(): (offset: number, length: number) => Uint8Array {
    let span: Uint8Array = new Uint8Array(0);
    let from = 0;
    return (offset, length) => {
      if (offset < from || offset + length > from + span.length) {
        span = pagesWith(offset, length, READ_AHEAD);
        from = offset - (offset % PAGE);
      }
      return span.subarray(offset - from, offset - from + length);
    };
  }

  const bytesAhead = readerAhead();
  const dictionary = openDictionary(footer, bytes, readerAhead(), (block, make) => {
    const name = `${key}#${block}`;
    const known = cache.get(name) as ReturnType<typeof make> | undefined;
    if (known !== undefined) return known;
    const made = make();
    cache.set(
      name,
      made,
      made.reduce((sum, { term }) => sum + 120 + term.length * 2, 100),
    );
    return made;
  });

  function kept(term: string, entryOf: () => TermEntry | undefined): PostingList | undefined {
    const name = `${key}=${term}`;
    const known = cache.get(name) as PostingList | undefined;
    if (known !== undefined) return known;
    const entry = entryOf();
    if (entry === undefined) return undefined;
    const made = openPostingList(entry, hasPositions(footer.analyzer, entry.term), footer, bytes);
    cache.set(name, made, 400 + entry.length * 2);
    return made;
  }

  return {
    analyzer: footer.analyzer,
    rows: footer.rows,
    totalLength: footer.totalLength,
    terms: footer.terms,
    sizeBytes,
    lengths: () => {
      lengths ??= readLengths(bytes(footer.lengthsAt, footer.rows * footer.lengthBytes), footer.lengthBytes);
      return lengths;
    },
    list: (term) => kept(term, () => dictionary.find(term)),
    listOf: (entry) => kept(entry.term, () => entry)!,
    readList: (entry, few) => {
      const positioned = hasPositions(footer.analyzer, entry.term);
      if (entry.rows >= BLOCK) return openPostingList(entry, positioned, footer, bytesAhead);
      readFewRows(entry, positioned, footer, bytesAhead, few);
      return undefined;
    },
    entries: dictionary.entries,
    everyEntry: dictionary.everyEntry,
  };
}

function exactly(read: ReadBytes, offset: number, length: number): Uint8Array {
  const bytes = read(offset, length);
  if (bytes.length !== length) throw damaged('it is shorter than it says');
  return bytes;
}

function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
}

/** One kind of array whatever the file has: loops over it are compiled for one. */
function readLengths(bytes: Uint8Array, lengthBytes: number): Uint32Array {
  if (lengthBytes === 1) return Uint32Array.from(bytes);
  const { buffer } = bytes.slice();
  return lengthBytes === 2 ? Uint32Array.from(new Uint16Array(buffer)) : new Uint32Array(buffer);
}
