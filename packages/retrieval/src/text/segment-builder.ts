import type { Analyzer } from '@hakiri/core';
import { SURFACE, type TextAnalyzer, textAnalyzer } from './analyzer.ts';
import { mergeTextSegments } from './merge-segments.ts';
import { openTextSegment } from './segment-reader.ts';
import { createSegmentWriter, type Postings } from './segment-writer.ts';
import type { TextSegment } from './text-segment.ts';
import { createWordTable } from './word-table.ts';

export interface TextSegmentBuilder {
  /** Ordinals ascend; those left out are rows without text, as null is. */
  add(ordinal: number, text: string | null): void;
  /** `rows` of the part, where the last ones were not added. The pieces in their order are the file. */
  finish(rows?: number): Uint8Array[];
}

export interface TextSegmentBuilderOptions {
  readonly analyzer: Analyzer;
  /** Words held as they came before they are packed: memory is about 16 bytes a word. */
  readonly batchWords?: number;
}

const BATCH_WORDS = 4_000_000;

export function createTextSegmentBuilder({
  analyzer: name,
  batchWords = BATCH_WORDS,
}: TextSegmentBuilderOptions): TextSegmentBuilder {
  const analyzer = textAnalyzer(name);
  const packed: TextSegment[] = [];
  let batch = createBatch(analyzer);
  let batchFrom = 0;
  let next = 0;
  return {
    add(ordinal, text) {
      if (ordinal < next) throw new RangeError(`Row ${ordinal} comes after row ${next - 1}`);
      if (batch.words >= batchWords) {
        packed.push(inMemory(batch.pack(next - batchFrom)));
        batch = createBatch(analyzer);
        batchFrom = next;
      }
      next = ordinal + 1;
      if (text !== null) batch.add(ordinal - batchFrom, text);
    },
    finish(rows = next) {
      if (rows < next) throw new RangeError(`${rows} rows, and one is row ${next - 1}`);
      const last = batch.pack(rows - batchFrom);
      if (packed.length === 0) return last;
      packed.push(inMemory(last));
      let from = 0;
      const sources = packed.map((segment) => {
        const newOrdinal = Int32Array.from({ length: segment.rows }, (_, i) => from + i);
        from += segment.rows;
        return { segment, newOrdinal };
      });
      return [...mergeTextSegments(sources, rows)];
    },
  };
}

function inMemory(pieces: readonly Uint8Array[]): TextSegment {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return openTextSegment((offset, length) => bytes.subarray(offset, offset + length), bytes.length);
}

/** Words as numbers in the order they came; sorted by term once when packed. */
function createBatch(analyzer: TextAnalyzer) {
  const termIds = new Map<string, number>();
  const terms: string[] = [];
  const known = createWordTable();
  // By the id of a word: of its term, and of its surface form or -1.
  const termOf: number[] = [];
  const surfaceOf: number[] = [];
  let stream = new Uint32Array(1 << 12);
  let rowOf = new Uint32Array(256);
  let startOf = new Uint32Array(256);
  let rows = 0;
  let words = 0;

  function termId(term: string): number {
    const id = termIds.get(term);
    if (id !== undefined) return id;
    termIds.set(term, terms.length);
    return terms.push(term) - 1;
  }

  function take(source: string, from: number, to: number): void {
    let id = known.find(source, from, to);
    if (id < 0) {
      const word = known.add(source, from, to);
      const term = analyzer.term(word);
      id = termOf.push(termId(term)) - 1;
      surfaceOf.push(analyzer.surfaces && term !== word ? termId(SURFACE + word) : -1);
    }
    if (words === stream.length) stream = doubled(stream);
    stream[words++] = id;
  }

  return {
    get words() {
      return words;
    },
    add(ordinal: number, text: string): void {
      if (rows === rowOf.length) {
        rowOf = doubled(rowOf);
        startOf = doubled(startOf);
      }
      rowOf[rows] = ordinal;
      startOf[rows++] = words;
      analyzer.words(text, take);
    },
    pack(total: number): Uint8Array[] {
      const lengths = new Uint32Array(total);
      for (let row = 0; row < rows; row++) {
        lengths[rowOf[row]!] = (row + 1 < rows ? startOf[row + 1]! : words) - startOf[row]!;
      }
      const writer = createSegmentWriter(analyzer.name, lengths);
      const chunks: Uint8Array[] = [];
      for (const [term, postings] of sortedPostings()) chunks.push(...writer.add(term, postings));
      chunks.push(...writer.finish());
      return chunks;
    },
  };

  function* sortedPostings(): Generator<readonly [string, Postings]> {
    const starts = countedStarts();
    const places = new Uint32Array(starts[terms.length]!);
    const rowAt = new Uint32Array(places.length);
    const fill = starts.slice();
    for (let row = 0; row < rows; row++) {
      const end = row + 1 < rows ? startOf[row + 1]! : words;
      for (let at = startOf[row]!; at < end; at++) {
        const word = stream[at]!;
        place(termOf[word]!, row, at);
        if (surfaceOf[word]! >= 0) place(surfaceOf[word]!, row, at);
      }
    }
    function place(term: number, row: number, at: number): void {
      const to = fill[term]!++;
      places[to] = at - startOf[row]!;
      rowAt[to] = row;
    }

    const order = Uint32Array.from(terms.keys()).sort((a, b) => (terms[a]! < terms[b]! ? -1 : 1));
    let ordinals = new Uint32Array(256);
    let frequencies = new Uint32Array(256);
    for (const term of order) {
      const [from, to] = [starts[term]!, starts[term + 1]!];
      if (to - from > ordinals.length) {
        ordinals = new Uint32Array((to - from) * 2);
        frequencies = new Uint32Array((to - from) * 2);
      }
      let count = 0;
      let last = -1;
      for (let i = from; i < to; i++) {
        const row = rowAt[i]!;
        if (row === last) {
          frequencies[count - 1]!++;
          continue;
        }
        last = row;
        ordinals[count] = rowOf[row]!;
        frequencies[count++] = 1;
      }
      yield [terms[term]!, { rows: count, ordinals, frequencies, positions: places.subarray(from, to) }];
    }
  }

  /** Where each term's words start once they are sorted by term. */
  function countedStarts(): Uint32Array {
    const uses = new Uint32Array(termOf.length);
    for (let at = 0; at < words; at++) uses[stream[at]!]!++;
    const starts = new Uint32Array(terms.length + 1);
    for (let word = 0; word < uses.length; word++) {
      starts[termOf[word]! + 1]! += uses[word]!;
      if (surfaceOf[word]! >= 0) starts[surfaceOf[word]! + 1]! += uses[word]!;
    }
    for (let term = 0; term < terms.length; term++) starts[term + 1]! += starts[term]!;
    return starts;
  }
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
