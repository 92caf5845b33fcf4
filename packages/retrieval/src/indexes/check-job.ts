import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from './connection.ts';
import type { IndexFile } from './index-manifest.ts';

/** Reads files of indexes whole and compares their hashes (job `index-check`). */
export interface IndexCheckRequest {
  readonly folders: readonly { readonly folder: string; readonly files: readonly IndexFile[] }[];
}

export interface IndexCheckAnswer {
  /** Absolute paths, and what is wrong. */
  readonly faults: readonly { readonly path: string; readonly fault: string }[];
}

const PIECE_BYTES = 1 << 20;

export async function indexCheckJob(
  _connection: Connection,
  { folders }: IndexCheckRequest,
): Promise<IndexCheckAnswer> {
  const faults: { path: string; fault: string }[] = [];
  for (const { folder, files } of folders) {
    for (const file of files) {
      const path = join(folder, file.name);
      const fault = faultOf(path, file);
      if (fault !== undefined) faults.push({ path, fault });
    }
  }
  return { faults };
}

function faultOf(path: string, { bytes, sha256 }: IndexFile): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return 'is missing or cannot be opened';
  }
  try {
    const hash = createHash('sha256');
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    let size = 0;
    for (let read = -1; read !== 0; ) {
      read = readSync(descriptor, piece, 0, PIECE_BYTES, null);
      hash.update(piece.subarray(0, read));
      size += read;
    }
    if (size !== bytes) return `has ${size} bytes, not ${bytes}`;
    return hash.digest('hex') === sha256 ? undefined : 'is not what was written';
  } catch {
    return 'cannot be read';
  } finally {
    closeSync(descriptor);
  }
}
