import { createHash } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import type { SegmentSink } from '../vector/segment-file.ts';
import { diskError } from './index-error.ts';

/** A file as `_index.json` names it. */
export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
}

export interface FileSink {
  readonly sink: SegmentSink;
  /** The file is written then, and not yet flushed. @throws HakiriError store.disk_full, store.io */
  finish(): WrittenFile;
  /** Closes and removes it. */
  abandon(): void;
}

const BUFFER_BYTES = 256 * 1024;

/** Writes a file from its start. @throws HakiriError store.disk_full, store.io */
export function createFileSink(path: string): FileSink {
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw diskError(error, path);
    }
  };
  const descriptor = guarded(() => openSync(path, 'w'));
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let held = 0;
  let bytes = 0;

  const put = (piece: Uint8Array): void => {
    hash.update(piece);
    bytes += piece.length;
    for (let at = 0; at < piece.length; ) {
      at += guarded(() => writeSync(descriptor, piece, at, piece.length - at));
    }
  };
  const flush = (): void => {
    if (held > 0) put(buffer.subarray(0, held));
    held = 0;
  };

  return {
    sink(piece) {
      if (held + piece.length > BUFFER_BYTES) flush();
      if (piece.length > BUFFER_BYTES) put(piece);
      else {
        buffer.set(piece, held);
        held += piece.length;
      }
    },
    finish() {
      flush();
      guarded(() => closeSync(descriptor));
      return { bytes, sha256: hash.digest('hex') };
    },
    abandon() {
      try {
        closeSync(descriptor);
      } catch {
        // Closed already.
      }
      rmSync(path, { force: true });
    },
  };
}
