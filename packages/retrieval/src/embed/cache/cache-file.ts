import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type EmbeddingModel, HakiriError, type TableName } from '@hakiri/core';

/** Of the file; another is dropped and made again. */
const CACHE_FORMAT = 1;
const BUSY_TIMEOUT_MS = 10_000;

/** https://www.sqlite.org/rescode.html */
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** `cache/embeddings/<project>/<table>`: a file a model. */
export function embeddingCacheFolder(cache: string, project: string, table: TableName): string {
  return join(cache, 'embeddings', project, table);
}

/** Names of models hold what names of files may not, and differ in case where some disks do not. */
export function embeddingCachePath(folder: string, model: string): string {
  const readable = model.replace(/[^A-Za-z0-9.-]+/g, '_').slice(0, 60);
  const digest = createHash('sha256').update(model).digest('hex').slice(0, 8);
  return join(folder, `${readable}-${digest}.sqlite`);
}

/** A damaged file, and one of another model or format, is dropped and made again: it holds nothing but copies. */
export function openCacheFile(path: string, model: EmbeddingModel): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true });
  return guarded(path, () => {
    try {
      return open(path, model);
    } catch (error) {
      if (!isDamage(error)) throw error;
      removeCacheFile(path);
      return open(path, model);
    }
  });
}

export function removeCacheFile(path: string): void {
  for (const ending of ['', '-wal', '-shm']) rmSync(path + ending, { force: true });
}

export function isDamage(error: unknown): boolean {
  return error instanceof WrongCache || [SQLITE_CORRUPT, SQLITE_NOTADB].includes(sqliteCode(error));
}

/** SQLite's errors as ours. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const code = sqliteCode(cause);
    if (code === SQLITE_FULL) throw new HakiriError('store.disk_full', `${path} cannot grow`, { cause });
    if (code === SQLITE_IOERR)
      throw new HakiriError('store.io', `${path} cannot be read or written`, { cause });
    throw cause;
  }
}

class WrongCache extends Error {}

function open(path: string, model: EmbeddingModel): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON');
    db.exec(
      `BEGIN IMMEDIATE;
       CREATE TABLE IF NOT EXISTS model (made TEXT NOT NULL);
       CREATE TABLE IF NOT EXISTS embeddings (hash BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID`,
    );
    const made = JSON.stringify([CACHE_FORMAT, model.id, model.dims, model.variant ?? '']);
    const known = db.prepare('SELECT made FROM model').get() as { readonly made: string } | undefined;
    if (known === undefined) db.prepare('INSERT INTO model VALUES (?)').run(made);
    else if (known.made !== made) throw new WrongCache();
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The primary code of an error that SQLite raised; 0 for any other error. */
function sqliteCode(error: unknown): number {
  return ((error as { readonly errcode?: number }).errcode ?? 0) & 0xff;
}
