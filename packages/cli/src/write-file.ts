import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { HakiriError, isHakiriError } from '@hakiri/core';

/** Creates or replaces a file at once: a reader sees the old content or the new. Throws `store.read_only`, `store.disk_full`, `store.io`. */
export async function writeFileAtomically(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeDurably(await open(temporary, 'wx'), content);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileError(path, cause);
  }
}

async function writeDurably(file: FileHandle, content: string): Promise<void> {
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Why a file could not be written, in the terms of the catalogue; an error that is in them already stays. */
export function fileError(path: string, cause: unknown): HakiriError {
  if (isHakiriError(cause)) return cause;
  const options = { cause, details: { path } };
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new HakiriError('store.read_only', `${path} cannot be written to`, options);
    case 'ENOSPC':
    case 'EDQUOT':
      return new HakiriError('store.disk_full', `there is no room for ${path}`, options);
    case 'ENOENT':
      return new HakiriError('usage.argument', `the folder of ${path} does not exist`, {
        ...options,
        hint: 'Create the folder first.',
      });
    default:
      return new HakiriError('store.io', `${path} could not be written`, options);
  }
}
