import type { Analyzer } from '@hakiri/core';
import type { FewRows, PostingList } from './posting-list.ts';

/** The words of one text column of one part. Immutable; rows are told by their ordinal in the part. */
export interface TextSegment {
  readonly analyzer: Analyzer;
  readonly rows: number;
  /** Words of all rows together. */
  readonly totalLength: number;
  readonly terms: number;
  readonly sizeBytes: number;
  /** Words of each row, by ordinal; 0 where there is no text. */
  lengths(): Uint32Array;
  /** The rows that have a term; undefined: none. */
  list(term: string): PostingList | undefined;
  /** Terms from the first that is not before `from` on, ascending by UTF-16 code units. */
  entries(from: string): Iterable<TermEntry>;
  /** All terms, for one who reads everything once: nothing is kept for whoever asks next. */
  everyEntry(): Iterable<TermEntry>;
  listOf(entry: TermEntry): PostingList;
  /** In the order of `everyEntry`. A list of fewer than 128 rows comes in `few`: then there is nothing else. */
  readList(entry: TermEntry, few: FewRows): PostingList | undefined;
}

export interface TermEntry extends ListPlace {
  readonly term: string;
}

export interface ListPlace {
  /** That have the term. */
  readonly rows: number;
  readonly offset: number;
  readonly length: number;
  /** Of the description of its blocks at the end; 0 where there are none. */
  readonly metaLength: number;
}
