import { createByteReader } from './byte-reader.ts';
import { damaged } from './damaged.ts';
import { BLOCK, DICTIONARY_BLOCK, type Footer, LONGEST_TERM } from './format.ts';
import type { TermEntry } from './text-segment.ts';

export interface Dictionary {
  find(term: string): TermEntry | undefined;
  entries(from: string): Generator<TermEntry>;
  everyEntry(): Generator<TermEntry>;
}

interface Blocks {
  readonly firstTerms: readonly string[];
  /** Where each block starts in the file, and where the last one ends. */
  readonly starts: readonly number[];
}

type Keep = (block: number, make: () => readonly TermEntry[]) => readonly TermEntry[];

type Bytes = (offset: number, length: number) => Uint8Array;

/** `keep` remembers what was decoded for as long as it likes. */
export function openDictionary(footer: Footer, bytes: Bytes, bytesAhead: Bytes, keep: Keep): Dictionary {
  let known: Blocks | undefined;

  function blocks(): Blocks {
    known ??= readBlocks(footer, bytes(footer.firstTermsAt, footer.lengthsAt - footer.firstTermsAt));
    return known;
  }

  function decode(block: number, read: Bytes): readonly TermEntry[] {
    const { starts } = blocks();
    const from = starts[block]!;
    const count = Math.min(DICTIONARY_BLOCK, footer.terms - block * DICTIONARY_BLOCK);
    return decodeBlock(read(from, starts[block + 1]! - from), count, footer);
  }

  return {
    find(term) {
      const block = lastNotAfter(blocks().firstTerms, term);
      if (block < 0) return undefined;
      return keep(block, () => decode(block, bytes)).find((entry) => entry.term === term);
    },
    *everyEntry() {
      for (let block = 0; block < footer.dictionaryBlocks; block++) yield* decode(block, bytesAhead);
    },
    *entries(from) {
      for (
        let block = Math.max(0, lastNotAfter(blocks().firstTerms, from));
        block < footer.dictionaryBlocks;
        block++
      ) {
        for (const entry of keep(block, () => decode(block, bytes))) if (entry.term >= from) yield entry;
      }
    },
  };
}

function lastNotAfter(terms: readonly string[], term: string): number {
  let low = 0;
  let high = terms.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (terms[middle]! <= term) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function readBlocks(footer: Footer, bytes: Uint8Array): Blocks {
  const reader = createByteReader(bytes);
  const nextTerm = frontCodedTerms();
  const firstTerms: string[] = [];
  const starts = [footer.dictionaryAt];
  for (let block = 0; block < footer.dictionaryBlocks; block++) {
    firstTerms.push(nextTerm(reader));
    starts.push(starts[block]! + reader.varint());
  }
  if (starts.at(-1)! !== footer.firstTermsAt)
    throw damaged('its dictionary does not have the size it should');
  return { firstTerms, starts };
}

function decodeBlock(bytes: Uint8Array, count: number, footer: Footer): readonly TermEntry[] {
  const reader = createByteReader(bytes);
  const nextTerm = frontCodedTerms();
  const entries: TermEntry[] = [];
  let at = reader.varint();
  for (let i = 0; i < count; i++) {
    const term = nextTerm(reader);
    const rows = reader.varint();
    const length = reader.varint();
    const metaLength = rows >= BLOCK ? reader.varint() : 0;
    if (rows >= BLOCK) at += (4 - (at % 4)) % 4;
    if (rows < 1 || rows > footer.rows || at + length > footer.dictionaryAt || metaLength > length) {
      throw damaged('a word of it names a place outside of itself');
    }
    entries.push({ term, rows, offset: at, length, metaLength });
    at += length;
  }
  return entries;
}

/** Each of them starts as the one before it. */
function frontCodedTerms(): (reader: ReturnType<typeof createByteReader>) => string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const buffer = new Uint8Array(LONGEST_TERM);
  let previous = 0;
  return (reader) => {
    const shared = reader.varint();
    const own = reader.varint();
    if (shared > previous || shared + own > buffer.length) throw damaged('a word of it is too long');
    buffer.set(reader.bytes(own), shared);
    previous = shared + own;
    return decoder.decode(buffer.subarray(0, previous));
  };
}
