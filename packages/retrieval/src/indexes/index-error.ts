import { basename } from 'node:path';
import { HakiriError } from '@hakiri/core';

export function damagedIndex(path: string, what: string): HakiriError {
  return new HakiriError('index.damaged', `The index file ${basename(path)} is damaged: ${what}`, {
    details: { path },
  });
}

/** What the disk answered, in the words of the store. */
export function diskError(cause: unknown, path: string): HakiriError {
  const { code = 'EIO' } = cause as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new HakiriError('store.disk_full', 'The disk filled up', { cause, details: { path } })
    : new HakiriError('store.io', `An index file cannot be read or written (${code})`, {
        cause,
        details: { path },
      });
}

/** Whether a commit must fail with it, as it would for a part. Nothing else about an index stops data. */
export function stopsCommit(error: unknown): boolean {
  const isOfStore = error instanceof HakiriError && COMMIT_ERRORS.has(error.code);
  return isOfStore;
}

const COMMIT_ERRORS: ReadonlySet<string> = new Set(['store.disk_full', 'store.io', 'interrupted']);
