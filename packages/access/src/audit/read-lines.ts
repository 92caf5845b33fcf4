import { closeSync, openSync, readSync } from 'node:fs';

export interface RawLine {
  /** Without the newline; only until the next line is asked for. */
  readonly bytes: Buffer;
  readonly from: number;
  /** Where the next one begins. */
  readonly to: number;
  /** Ends with a newline. */
  readonly isWhole: boolean;
}

const WINDOW_BYTES = 1 << 20;

/** The lines of a file from an offset on, in memory for one of them and a window. None where there is no file. */
export function* readLines(path: string, from = 0, windowBytes = WINDOW_BYTES): Generator<RawLine> {
  const file = open(path);
  if (file === undefined) return;
  try {
    let window = Buffer.allocUnsafe(windowBytes);
    /** Of the file, where the window begins. */
    let base = from;
    let filled = 0;
    for (;;) {
      const read = readSync(file, window, filled, window.length - filled, base + filled);
      const atEnd = read === 0;
      filled += read;
      let start = 0;
      for (let end = window.indexOf(0x0a); end >= 0 && end < filled; end = window.indexOf(0x0a, start)) {
        yield { bytes: window.subarray(start, end), from: base + start, to: base + end + 1, isWhole: true };
        start = end + 1;
      }
      if (atEnd) {
        if (filled > start)
          yield {
            bytes: window.subarray(start, filled),
            from: base + start,
            to: base + filled,
            isWhole: false,
          };
        return;
      }
      if (start > 0) window.copyWithin(0, start, filled);
      else if (filled === window.length) window = Buffer.concat([window], window.length * 2);
      base += start;
      filled -= start;
    }
  } finally {
    closeSync(file);
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
