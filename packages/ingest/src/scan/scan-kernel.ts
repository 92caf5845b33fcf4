import { createKernel, ensureMemory, type Kernel, MEMORY_START } from './kernel.ts';
import type { StructShape } from './shape.ts';
import { type ProgramOptions, writeProgram } from './shape-program.ts';

/** Lines are looked at in pieces of this size, so that they stay in the processor's cache. */
const CHUNK_BYTES = 256 * 1024;
/** Room for the shape in front of the data; moves up when a shape needs more. */
const PROGRAM_BYTES = 128 * 1024;
/** A line longer than this is left to the exact reader. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** The kernel reads up to this many bytes behind the data. They are zeros. */
const PADDING_BYTES = 64;
const NEWLINE = 0x0a;

/** Tells which lines of NDJSON conform to a shape, at more than a gigabyte a second. */
export class ShapeScanner {
  readonly #kernel: Kernel = createKernel();
  #dataAt = MEMORY_START + PROGRAM_BYTES;
  /** What of which lines is in the kernel's memory. */
  #lines: Buffer | undefined;
  #from = 0;
  #to = 0;

  load(root: StructShape, options: ProgramOptions): void {
    const end = writeProgram(this.#kernel, root, options);
    this.#lines = undefined;
    if (end > this.#dataAt) this.#dataAt = end + PROGRAM_BYTES;
  }

  /**
   * Looks at whole lines from offset `start` on, all of which end in a newline. Gives the offset of the
   * first line that does not conform, or the length of `lines`.
   */
  scan(lines: Buffer, start: number): number {
    let offset = start;
    while (offset < lines.length) {
      if (!this.#fetch(lines, offset)) return offset;
      const base = this.#dataAt - this.#from;
      const stopped = this.#kernel.scan(base + offset, base + this.#to) - base;
      if (stopped < this.#to) return stopped;
      offset = stopped;
    }
    return offset;
  }

  /** How many lines conformed since the last call, and the bytes of the longest with its newline. */
  takeCounts(): { readonly rows: number; readonly longest: number } {
    const counts = { rows: this.#kernel.rows.value, longest: this.#kernel.longest.value };
    this.#kernel.resetCounts();
    return counts;
  }

  /** Forgets the lines, so that they can be freed. */
  release(): void {
    this.#lines = undefined;
  }

  /** Brings the line at `offset` and what fits behind it into memory; false when the line is too long. */
  #fetch(lines: Buffer, offset: number): boolean {
    if (this.#lines === lines && offset >= this.#from && offset < this.#to) return true;
    const end = chunkEnd(lines, offset);
    if (end - offset > MAX_LINE_BYTES) return false;
    ensureMemory(this.#kernel, this.#dataAt + (end - offset) + PADDING_BYTES);
    const memory = new Uint8Array(this.#kernel.memory.buffer, this.#dataAt);
    memory.set(lines.subarray(offset, end));
    memory.fill(0, end - offset, end - offset + PADDING_BYTES);
    this.#lines = lines;
    this.#from = offset;
    this.#to = end;
    return true;
  }
}

/** Behind the last whole line that fits a chunk, or behind the one line that does not. */
function chunkEnd(lines: Buffer, offset: number): number {
  if (lines.length - offset <= CHUNK_BYTES) return lines.length;
  const last = lines.lastIndexOf(NEWLINE, offset + CHUNK_BYTES - 1);
  return (last >= offset ? last : lines.indexOf(NEWLINE, offset)) + 1;
}
