import { HakiriError, type SetAside } from '@hakiri/core';
import { ByteBuffer } from './byte-buffer.ts';
import { oversizeRecord, SAMPLE_BYTES } from './oversize.ts';
import {
  ARRAY_END,
  ASIDE,
  acquirePageKernel,
  clearOutput,
  FULL,
  INPUT_BYTES,
  KEY_END,
  KEY_START,
  MALFORMED,
  MORE,
  type PageKernel,
  RECORD_DONE,
  releasePageKernel,
  VALUE_START,
} from './page-kernel.ts';
import type { SplitRecords, SplitterOptions } from './record-splitter.ts';

const MAX_ENVELOPE_BYTES = 16 * 1024 * 1024;
const MAX_KEYS_SHOWN = 20;
const MAX_KEY_SHOWN = 80;
const BOM = [0xef, 0xbb, 0xbf];
const BLANK: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];
const JSON_STARTS = '{["-0123456789tfn';
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const LETTER_N = 0x6e;
const EMPTY_ARRAY = Buffer.from('[]');

/** Where the reader is: outside the records, inside them, or between the two ends of one single record. */
type Region = 'envelope' | 'array' | 'record';

/** Splits a JSON page. What it accepts is what `JSON.parse` accepts. */
export class PageSplitter {
  readonly #path: readonly string[];
  readonly #maxRecordBytes: number;
  readonly #records = new ByteBuffer();
  readonly #envelope = new ByteBuffer();
  #page: PageKernel | undefined;
  #setAside: SetAside[] = [];
  #rows = 0;
  /** How much of #records is whole. */
  #wholeBytes = 0;
  /** Bytes of the page in front of the current chunk. */
  #offset = 0;
  #region: Region = 'envelope';
  #started = false;
  #bomBytes = 0;
  /** Where the key being read starts in the envelope. */
  #keyAt = 0;
  /** How many keys of the path were found, and the keys beside the one that was not. */
  #matched = 0;
  #found = false;
  #siblings: string[] = [];
  /** Why the path does not lead to records, when that is known. */
  #astray: string | undefined;

  constructor(options: SplitterOptions) {
    this.#path = options.recordsPath ?? [];
    this.#maxRecordBytes = options.maxRecordBytes;
    this.#page = acquirePageKernel(options.maxRecordBytes, options.prefix ?? new Uint8Array());
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at += INPUT_BYTES) this.#read(chunk.subarray(at, at + INPUT_BYTES));
  }

  take(): SplitRecords {
    const taken = {
      records: this.#records.take(this.#wholeBytes),
      rows: this.#rows,
      setAside: this.#setAside,
    };
    this.#wholeBytes = 0;
    this.#rows = 0;
    this.#setAside = [];
    return taken;
  }

  end(): { readonly envelope: unknown } {
    const page = this.#running();
    if (!page.kernel.isComplete()) throw truncated(this.#offset, this.#started);
    this.#page = undefined;
    releasePageKernel(page);
    if (!this.#found) throw this.#pathError();
    const bytes = this.#envelope.view(0, this.#envelope.length);
    return { envelope: JSON.parse(bytes.toString('utf8')) };
  }

  #running(): PageKernel {
    if (this.#page === undefined)
      throw new HakiriError('internal', 'a page was read on after its end or a failure');
    return this.#page;
  }

  #read(piece: Uint8Array): void {
    const page = this.#running();
    const { kernel, memory, inputAt } = page;
    memory.set(piece, inputAt);
    const end = inputAt + piece.length;
    let at = this.#started ? inputAt : this.#start(piece, inputAt);
    for (;;) {
      const event = kernel.readPage(at, end);
      const stopped = kernel.cursor.value;
      if (this.#region === 'envelope') this.#keepEnvelope(memory.subarray(at, stopped));
      this.#drain(page);
      if (event === MORE) break;
      this.#handle(page, event, stopped, this.#offset + stopped - inputAt);
      at = stopped;
    }
    this.#offset += piece.length;
  }

  /** Skips a byte order mark and blanks; gives where the JSON starts. */
  #start(piece: Uint8Array, inputAt: number): number {
    let i = 0;
    for (; i < piece.length; i++) {
      const byte = piece[i]!;
      const position = this.#offset + i;
      if (position < BOM.length && byte === BOM[position] && this.#bomBytes === position) {
        this.#bomBytes++;
        continue;
      }
      if (this.#bomBytes % BOM.length !== 0) throw this.#fail(notJson(position));
      if (BLANK.includes(byte)) continue;
      if (!JSON_STARTS.includes(String.fromCharCode(byte))) throw this.#fail(notJson(position));
      this.#started = true;
      break;
    }
    return inputAt + i;
  }

  #handle(page: PageKernel, event: number, stopped: number, offset: number): void {
    const { kernel, memory } = page;
    switch (event) {
      case KEY_START:
        this.#keyAt = this.#envelope.length - 1;
        return;
      case KEY_END:
        this.#onKey(page, offset);
        return;
      case VALUE_START:
        this.#onValue(page, memory[stopped]!);
        return;
      case ASIDE:
        this.#putAside(kernel.dropping.value === 1);
        if (this.#region === 'record') this.#closeRecords();
        return;
      case RECORD_DONE:
        this.#closeRecords();
        return;
      case ARRAY_END:
        this.#closeRecords();
        return;
      case FULL:
        return;
      case MALFORMED:
        throw this.#fail(malformed(offset));
      default:
        throw new HakiriError('internal', `the kernel gave an unknown event ${event}`);
    }
  }

  /** Moves what the kernel has put out behind what is there. */
  #drain(page: PageKernel): void {
    const { kernel, memory, outputAt } = page;
    const out = kernel.out.value;
    if (out > outputAt) {
      const before = this.#records.length;
      this.#records.append(memory.subarray(outputAt, out));
      if (kernel.pageRows.value > 0) this.#wholeBytes = before + kernel.whole.value - outputAt;
      this.#rows += kernel.pageRows.value;
      clearOutput(page);
    }
    if (kernel.dropping.value === 1 && this.#records.length > this.#wholeBytes + SAMPLE_BYTES) {
      this.#records.truncate(this.#wholeBytes + SAMPLE_BYTES);
    }
  }

  #putAside(tooLarge: boolean): void {
    const record = this.#records.view(this.#wholeBytes, this.#records.length);
    this.#setAside.push(
      tooLarge
        ? oversizeRecord(record, this.#maxRecordBytes)
        : {
            code: 'record.not_object',
            reason: 'the element is not a JSON object',
            record: Buffer.from(record),
          },
    );
    this.#records.truncate(this.#wholeBytes);
  }

  #onKey(page: PageKernel, offset: number): void {
    const { kernel } = page;
    const level = kernel.watch.value - 1;
    const text = this.#envelope.view(this.#keyAt, this.#envelope.length).toString('utf8');
    const key: unknown = JSON.parse(text);
    if (key !== this.#path[level]) {
      if (level === this.#matched && this.#siblings.length < MAX_KEYS_SHOWN) this.#siblings.push(String(key));
      return;
    }
    // JSON.parse would silently take the last of the two; the records of the first are already out.
    if (level < this.#matched)
      throw this.#fail(malformed(offset, 'a key of the path to the records stands twice'));
    this.#matched = level + 1;
    this.#siblings = [];
    kernel.armed.value = 1;
  }

  /** The root, or the value of a key on the path, is about to start. */
  #onValue({ kernel }: PageKernel, byte: number): void {
    const last = this.#matched === this.#path.length;
    if (!last) {
      if (byte === OPEN_BRACE) kernel.watch.value = this.#matched + 1;
      else this.#astray = 'is not an object';
      return;
    }
    this.#found = true;
    if (byte === OPEN_BRACKET) this.#openRecords(kernel, 'array');
    else if (byte === OPEN_BRACE) this.#openRecords(kernel, 'record');
    else if (byte !== LETTER_N) {
      this.#found = false;
      this.#astray = 'is neither an array nor an object';
    }
  }

  #openRecords(kernel: PageKernel['kernel'], region: 'array' | 'record'): void {
    this.#region = region;
    kernel.takeRecords(region === 'array' ? 1 : 0);
  }

  #closeRecords(): void {
    this.#region = 'envelope';
    this.#keepEnvelope(EMPTY_ARRAY);
  }

  #keepEnvelope(bytes: Uint8Array): void {
    if (this.#envelope.length + bytes.length > MAX_ENVELOPE_BYTES) {
      throw this.#fail(
        new HakiriError('source.too_large', 'The page holds more than 16 MB beside its records.', {
          hint: this.#found
            ? 'Ask for smaller pages.'
            : 'Check the path to the records: it was not found yet.',
        }),
      );
    }
    this.#envelope.append(bytes);
  }

  /** After a failure the page is not read on; its kernel is not reused, since it stopped in the middle. */
  #fail(error: HakiriError): HakiriError {
    this.#page = undefined;
    return error;
  }

  #pathError(): HakiriError {
    const path = this.#path.slice(0, this.#matched).join('.') || 'the page';
    const wanted = this.#path[this.#matched];
    if (this.#astray !== undefined || wanted === undefined) {
      return new HakiriError('source.records_path', `No records: ${path} ${this.#astray}.`);
    }
    const keys = this.#siblings.map((key) => key.slice(0, MAX_KEY_SHOWN)).join(', ');
    return new HakiriError(
      'source.records_path',
      `No records: ${path} has no key ${wanted}. Keys found: ${keys === '' ? 'none' : keys}.`,
    );
  }
}

function malformed(offset: number, what = 'the JSON is not well formed'): HakiriError {
  return new HakiriError('source.malformed_json', `The page cannot be read: ${what}, at byte ${offset}.`, {
    details: { offset },
  });
}

function notJson(offset: number): HakiriError {
  return new HakiriError('source.not_json', 'The answer is not JSON.', { details: { offset } });
}

function truncated(offset: number, started: boolean): HakiriError {
  const message = started
    ? `The page ends after ${offset} bytes, before its JSON does.`
    : 'The answer is empty.';
  return new HakiriError('source.truncated', message, { details: { offset } });
}
