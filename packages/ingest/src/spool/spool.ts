import type { Files, WritableFile } from '@hakiri/core';

/** Records on their way to the engine: NDJSON in a file, never in memory. Not durable, and not meant to be. */
export interface Spool {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly largestRecordBytes: number;
  append(pieces: readonly Uint8Array[], rows: number, largestRecordBytes: number): Promise<void>;
  close(): Promise<void>;
  remove(): Promise<void>;
}

export async function createSpool(files: Files, path: string): Promise<Spool> {
  const file: WritableFile = await files.create(path);
  let rows = 0;
  let bytes = 0;
  let largest = 0;
  let open = true;
  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    await file.close();
  };
  return {
    path,
    get rows() {
      return rows;
    },
    get bytes() {
      return bytes;
    },
    get largestRecordBytes() {
      return largest;
    },
    async append(pieces, addedRows, largestRecordBytes) {
      for (const piece of pieces) {
        await file.write(piece);
        bytes += piece.length;
      }
      rows += addedRows;
      largest = Math.max(largest, largestRecordBytes);
    },
    close,
    async remove() {
      await close();
      await files.remove(path);
    },
  };
}
