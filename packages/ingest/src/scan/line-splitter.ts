import type { SetAside } from '@hakiri/core';
import { oversizeRecord, SAMPLE_BYTES } from './oversize.ts';
import type { SplitRecords, SplitterOptions } from './record-splitter.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LINE_BREAK = Buffer.from('\n');
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** Splits NDJSON at its newlines. Lines pass as they are, well formed or not; blank ones are left out. */
export class LineSplitter {
  readonly #maxRecordBytes: number;
  readonly #prefix: Uint8Array | undefined;
  #pieces: Uint8Array[] = [];
  #rows = 0;
  #setAside: SetAside[] = [];
  /** The line whose end has not come yet. */
  #partial: Buffer[] = [];
  #partialBytes = 0;
  /** Bytes of the input seen, until it is known whether it starts with a byte order mark. */
  #head: Buffer | undefined = Buffer.alloc(0);

  constructor(options: SplitterOptions) {
    this.#maxRecordBytes = options.maxRecordBytes;
    this.#prefix = options.prefix === undefined || options.prefix.length === 0 ? undefined : options.prefix;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#head === undefined) this.#split(bytes);
    else this.#pushHead(bytes);
  }

  take(): SplitRecords {
    const pieces = this.#pieces;
    const taken = {
      records: pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces),
      rows: this.#rows,
      setAside: this.#setAside,
    };
    this.#pieces = [];
    this.#rows = 0;
    this.#setAside = [];
    return taken;
  }

  end(): { readonly envelope: undefined } {
    if (this.#head !== undefined) this.#leaveHead(this.#head);
    if (this.#partialBytes > 0) this.#split(LINE_BREAK);
    return { envelope: undefined };
  }

  #pushHead(bytes: Buffer): void {
    const head = Buffer.concat([this.#head!, bytes]);
    if (head.length < BOM.length && BOM.subarray(0, head.length).equals(head)) this.#head = head;
    else this.#leaveHead(head);
  }

  #leaveHead(head: Buffer): void {
    this.#head = undefined;
    this.#split(head.subarray(0, BOM.length).equals(BOM) ? head.subarray(BOM.length) : head);
  }

  #split(bytes: Buffer): void {
    let start = 0;
    if (this.#partialBytes > 0) {
      const end = bytes.indexOf(NEWLINE);
      this.#hold(end < 0 ? bytes : bytes.subarray(0, end + 1));
      if (end < 0) return;
      this.#flushPartial();
      start = end + 1;
    }
    // A run of plain lines is passed on as one piece.
    let run = start;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      const next = end + 1;
      if (bytes[start]! <= SPACE || end - start > this.#maxRecordBytes || this.#prefix !== undefined) {
        this.#emit(bytes.subarray(run, start));
        this.#line(bytes.subarray(start, next));
        run = next;
      } else {
        this.#rows++;
      }
      start = next;
    }
    this.#emit(bytes.subarray(run, start));
    if (start < bytes.length) this.#hold(bytes.subarray(start));
  }

  /** Keeps a part of a line: all of it up to the limit, a sample past it. */
  #hold(part: Buffer): void {
    this.#partialBytes += part.length;
    if (this.#partialBytes <= this.#maxRecordBytes + 1) {
      this.#partial.push(Buffer.from(part));
      return;
    }
    const sample = Buffer.concat([...this.#partial, part.subarray(0, SAMPLE_BYTES)]);
    this.#partial = [Buffer.from(sample.subarray(0, SAMPLE_BYTES))];
  }

  #flushPartial(): void {
    const bytes = this.#partialBytes - 1;
    const line = Buffer.concat(this.#partial);
    this.#partial = [];
    this.#partialBytes = 0;
    if (bytes > this.#maxRecordBytes) this.#setAside.push(oversizeRecord(line, this.#maxRecordBytes));
    else this.#line(line);
  }

  /** One line with its newline. */
  #line(line: Buffer): void {
    const first = skipBlanks(line, 0);
    if (first === line.length) return;
    if (line.length - 1 > this.#maxRecordBytes) {
      this.#setAside.push(oversizeRecord(line, this.#maxRecordBytes));
      return;
    }
    this.#rows++;
    if (this.#prefix === undefined || line[first] !== OPEN_BRACE) {
      this.#emit(line);
      return;
    }
    const isEmpty = line[skipBlanks(line, first + 1)] === CLOSE_BRACE;
    const end = isEmpty && this.#prefix.at(-1) === COMMA ? -1 : undefined;
    this.#emit(line.subarray(0, first + 1));
    this.#emit(this.#prefix.subarray(0, end));
    this.#emit(line.subarray(first + 1));
  }

  #emit(piece: Uint8Array): void {
    if (piece.length > 0) this.#pieces.push(piece);
  }
}

function skipBlanks(line: Uint8Array, from: number): number {
  let i = from;
  while (i < line.length && (line[i] === SPACE || (line[i]! >= 0x09 && line[i]! <= 0x0d))) i++;
  return i;
}
