import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { LineSplitter } from '../scan/line-splitter.ts';
import type { FoundFile } from './find-files.ts';
import type { FilePiece } from './read-file.ts';

const BUFFER_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

export interface PlainLinesOptions {
  readonly maxRecordBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Whole lines of a file in pieces of up to a megabyte, then the SHA-256 of its bytes. One buffer serves the whole
 * file: a piece holds until the next one is asked for.
 */
export async function* readPlainLines(
  file: FoundFile,
  options: PlainLinesOptions,
): AsyncGenerator<FilePiece, string> {
  const handle = await open(file.path);
  const hash = createHash('sha256');
  // One byte more than is read: room for the newline that the last line may lack.
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES + 1);
  try {
    let held = 0;
    for (let first = true; ; first = false) {
      options.signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, held, BUFFER_BYTES - held);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(held, held + bytesRead));
      const filled = held + bytesRead;
      const start = first && buffer.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
      const end = buffer.lastIndexOf(NEWLINE, filled - 1) + 1;
      const tooLong = end === 0 && filled === BUFFER_BYTES;
      if (tooLong || options.maxRecordBytes < BUFFER_BYTES) {
        return yield* splitRest(handle, hash, Buffer.from(buffer.subarray(0, filled)), options);
      }
      if (end > start) yield { records: buffer.subarray(start, end), setAside: [] };
      buffer.copyWithin(0, end, filled);
      held = filled - end;
    }
    if (held > 0) {
      buffer[held] = NEWLINE;
      yield { records: buffer.subarray(0, held + 1), setAside: [] };
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}

/** The slower way, for the rest of a file with a line longer than the buffer, or than a record may be. */
async function* splitRest(
  handle: FileHandle,
  hash: Hash,
  head: Buffer,
  { maxRecordBytes, signal }: PlainLinesOptions,
): AsyncGenerator<FilePiece, string> {
  const splitter = new LineSplitter({ format: 'ndjson', maxRecordBytes });
  splitter.push(head);
  yield splitter.take();
  for (;;) {
    signal.throwIfAborted();
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(BUFFER_BYTES), 0, BUFFER_BYTES);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    splitter.push(chunk);
    yield splitter.take();
  }
  splitter.end();
  const last = splitter.take();
  if (last.records.length > 0 || last.setAside.length > 0) yield last;
  return hash.digest('hex');
}
