import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isDamage } from './cache-file.ts';
import { textHash, toVector } from './vector-row.ts';

const BUSY_TIMEOUT_MS = 2000;

/** What a cache holds, for a process that may not embed. */
export interface CachedVectors {
  /** Undefined for a text that nobody has embedded yet, and for every text of a file that is not there or damaged. */
  of(texts: readonly string[]): readonly (Float32Array | undefined)[];
  close(): void;
}

/** The cache at `path` (`embeddingCachePath`), which may come later, and may be made again by another process. */
export function cachedVectors(path: string, dims: number): CachedVectors {
  let opened: { readonly db: DatabaseSync; readonly inode: bigint } | undefined;

  const close = (): void => {
    opened?.db.close();
    opened = undefined;
  };

  const current = (): DatabaseSync | undefined => {
    const inode = statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
    if (opened !== undefined && opened.inode !== inode) close();
    if (inode === undefined) return undefined;
    opened ??= { db: new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS }), inode };
    return opened.db;
  };

  return {
    of(texts) {
      try {
        const find = current()?.prepare('SELECT vector FROM embeddings WHERE hash = ?');
        return texts.map((text) => {
          const row = find?.get(textHash(text)) as { readonly vector: Uint8Array } | undefined;
          return row && toVector(row.vector, dims);
        });
      } catch (error) {
        close();
        // Whoever embeds next makes it again; a file just begun has no table yet.
        if (isDamage(error) || isUnfinished(error)) return texts.map(() => undefined);
        throw error;
      }
    },
    close,
  };
}

function isUnfinished(error: unknown): boolean {
  return error instanceof Error && /no such table|unable to open/.test(error.message);
}
