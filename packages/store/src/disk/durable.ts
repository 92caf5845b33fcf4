import { dirname } from 'node:path';
import type { Files } from '@hakiri/core';

/**
 * Replaces a file at once and for good: temporary name, flush, rename, flush the folder. After a crash the path
 * holds the old content or the new, never a piece.
 */
export async function writeDurably(files: Files, path: string, content: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await files.write(temporary, content);
  await files.sync(temporary);
  await files.rename(temporary, path);
  await files.syncFolder(dirname(path));
}

/** Flushes a folder and those above it up to and with `top`: a new folder is only a name in the one above. */
export async function syncUpTo(files: Files, folder: string, top: string): Promise<void> {
  for (let path = folder; ; path = dirname(path)) {
    await files.syncFolder(path);
    if (path === top || path === dirname(path)) return;
  }
}
