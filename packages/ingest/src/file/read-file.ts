import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { HakiriError, type SetAside } from '@hakiri/core';
import { RecordSplitter } from '../scan/record-splitter.ts';
import type { FileFormat } from './file-format.ts';
import type { FoundFile } from './find-files.ts';
import { readPlainLines } from './plain-lines.ts';
import { unreadable } from './unreadable.ts';

export interface FilePiece {
  readonly records: Uint8Array;
  readonly setAside: readonly SetAside[];
}

export interface ReadOptions {
  readonly format: FileFormat;
  readonly recordsPath: readonly string[] | undefined;
  readonly maxRecordBytes: number;
  readonly signal: AbortSignal;
}

const PIECE_BYTES = 1024 * 1024;
const READ_BYTES = 256 * 1024;

/** The content's SHA-256, in hex. */
export async function hashFile(file: FoundFile, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file.path, { highWaterMark: READ_BYTES, signal }))
      hash.update(chunk);
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(file.name, error);
  }
  return hash.digest('hex');
}

/**
 * Records of an NDJSON or JSON file in pieces of about a megabyte, then the SHA-256 of its bytes. Throws
 * source.truncated, source.malformed_json, source.records_path, source.unreadable, each naming the file.
 */
export async function* readRecords(file: FoundFile, options: ReadOptions): AsyncGenerator<FilePiece, string> {
  const { format, recordsPath, maxRecordBytes, signal } = options;
  if (format.format === 'ndjson' && format.compression === undefined) {
    try {
      return yield* readPlainLines(file, options);
    } catch (error) {
      signal.throwIfAborted();
      throw located(file, error, format.format);
    }
  }
  const hash = createHash('sha256');
  const stream = createReadStream(file.path, { highWaterMark: READ_BYTES, signal });
  stream.on('data', (chunk) => hash.update(chunk));
  const content = decompressed(stream, format.compression);
  const splitter = new RecordSplitter({
    format: format.format === 'json' ? 'json' : 'ndjson',
    maxRecordBytes,
    ...(recordsPath === undefined ? {} : { recordsPath }),
  });
  try {
    let taken = 0;
    for await (const chunk of content) {
      splitter.push(chunk as Uint8Array);
      taken += (chunk as Uint8Array).length;
      if (taken < PIECE_BYTES) continue;
      taken = 0;
      yield splitter.take();
    }
    splitter.end();
    yield splitter.take();
  } catch (error) {
    signal.throwIfAborted();
    throw located(file, error, format.format);
  } finally {
    stream.destroy();
    content.destroy();
  }
  return hash.digest('hex');
}

function decompressed(stream: Readable, compression: FileFormat['compression']): Readable {
  if (compression === undefined) return stream;
  const decoder = compression === 'gzip' ? createGunzip() : createZstdDecompress();
  // The error arrives where the decoder is read; nothing is left to do here.
  return pipeline(stream, decoder, () => {});
}

function located(file: FoundFile, error: unknown, format: FileFormat['format']): HakiriError {
  if (error instanceof HakiriError) {
    return new HakiriError(error.code, `${file.name}: ${error.message}`, {
      hint: hintFor(error, format),
      cause: error,
      details: { ...error.details, path: file.name },
    });
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('Z_') || code.startsWith('ZSTD_') || code.startsWith('ERR_ZSTD')) {
    return new HakiriError(
      'source.truncated',
      `${file.name} is cut short or not compressed as its name says`,
      {
        cause: error,
        hint: 'Fetch the file again; nothing past the damage was taken.',
        details: { path: file.name },
      },
    );
  }
  return unreadable(file.name, error);
}

/** Many a file of records, one a line, is named .json. */
function hintFor(error: HakiriError, format: FileFormat['format']): string {
  if (error.code === 'source.malformed_json' && format === 'json') {
    return 'Correct the file; if it holds one record a line, set format = "ndjson".';
  }
  return error.code === 'source.truncated' ? 'Fetch the file again.' : error.hint;
}
