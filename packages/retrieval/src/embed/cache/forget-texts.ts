import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HakiriError } from '@hakiri/core';
import { guarded, isDamage, removeCacheFile } from './cache-file.ts';

const BUSY_TIMEOUT_MS = 10_000;

/** Every cache of a table's embeddings: `embeddingCacheFolder`. */
export function embeddingCaches(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sqlite'))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * Removes what is kept of every text but those of `keep` (`textHash`), so that nothing of it is left in the file or in
 * its log; how many there were. A damaged file goes whole.
 * @throws HakiriError store.erasure_incomplete when another process reads the file and does not end, store.io,
 * store.disk_full
 */
export function forgetTexts(path: string, keep: Iterable<Uint8Array>): number {
  if (!existsSync(path)) return 0;
  return guarded(path, () => {
    try {
      return forget(path, keep);
    } catch (error) {
      if (!isDamage(error)) throw error;
      removeCacheFile(path);
      return 0;
    }
  });
}

function forget(path: string, keep: Iterable<Uint8Array>): number {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    // Hashes alone are put aside, and in memory.
    db.exec('PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON');
    db.exec('CREATE TEMP TABLE kept (hash BLOB PRIMARY KEY) WITHOUT ROWID');
    const insert = db.prepare('INSERT OR IGNORE INTO kept VALUES (?)');
    db.exec('BEGIN IMMEDIATE');
    for (const hash of keep) insert.run(hash);
    const { changes } = db.prepare('DELETE FROM embeddings WHERE hash NOT IN (SELECT hash FROM kept)').run();
    db.exec('COMMIT');
    if (changes > 0) db.exec('VACUUM');
    const { busy } = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { readonly busy: number };
    if (busy !== 0) {
      throw new HakiriError('store.erasure_incomplete', `${path} is read by another process`, {
        details: { path },
      });
    }
    return Number(changes);
  } finally {
    db.close();
  }
}
