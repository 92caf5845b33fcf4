import type { SetAside } from '@hakiri/core';
import { LineSplitter } from './line-splitter.ts';
import { PageSplitter } from './page-splitter.ts';

export interface SplitterOptions {
  readonly format: 'ndjson' | 'json';
  /** Keys from the root of a page to its records; empty: the root itself. */
  readonly recordsPath?: readonly string[];
  /** A record larger than this is set aside rather than held in memory. */
  readonly maxRecordBytes: number;
  /** Members put right behind each record's opening brace, with a comma at the end: `"repo":"a/b",`. */
  readonly prefix?: Uint8Array;
}

export interface SplitRecords {
  /** Whole records as NDJSON; only the caller holds these bytes from now on. */
  readonly records: Uint8Array;
  readonly rows: number;
  readonly setAside: SetAside[];
}

interface Splitter {
  push(chunk: Uint8Array): void;
  take(): SplitRecords;
  end(): { readonly envelope: unknown };
}

/**
 * Splits bytes that arrive in chunks, cut anywhere, into records. Holds no more than the records not yet
 * taken, the one being read, and what surrounds the records in a page.
 */
export class RecordSplitter {
  readonly #splitter: Splitter;

  constructor(options: SplitterOptions) {
    this.#splitter = options.format === 'ndjson' ? new LineSplitter(options) : new PageSplitter(options);
  }

  /**
   * The chunk may be referred to until the next `take()`: do not write to it before.
   * Throws source.not_json, source.malformed_json or source.too_large; the page is lost as a whole then.
   */
  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk);
  }

  /** The whole records since the last call. Of a page, nothing is good before `end()` has returned. */
  take(): SplitRecords {
    return this.#splitter.take();
  }

  /**
   * No more chunks. Gives the page with its records replaced by `[]`; undefined for NDJSON. Throws
   * source.truncated or source.records_path; what is left of the records is there for a last `take()`.
   */
  end(): { readonly envelope: unknown } {
    return this.#splitter.end();
  }
}
