import { existsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { HakiriError } from '@hakiri/core';
import { SQLITE, sqliteCode } from '../disk/sqlite-code.ts';
import { newerFormat } from '../disk/store-format.ts';
import { MIGRATIONS } from './migrations.ts';

/** How long a writer waits for another process's transaction. */
const BUSY_TIMEOUT_MS = 10_000;

/** @throws HakiriError store.catalog_lost, store.newer_format, store.read_only, store.locked */
export function openDatabase(path: string, access: 'write' | 'read'): DatabaseSync {
  return access === 'write' ? open(path) : openToRead(path);
}

function open(path: string): DatabaseSync {
  const isNew = !existsSync(path);
  return guarded(path, () => {
    const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    try {
      const version = knownVersion(db, path);
      // Without fullfsync a Mac's disk keeps what was flushed in its cache; elsewhere it changes nothing.
      db.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON');
      if (isNew || version < MIGRATIONS.length) migrate(db);
      // What is deleted leaves nothing of itself in the file's free pages.
      db.exec('PRAGMA secure_delete = ON');
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** @throws HakiriError store.newer_format */
function knownVersion(db: DatabaseSync, path: string): number {
  const { user_version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (user_version <= MIGRATIONS.length) return user_version;
  throw newerFormat(`The catalog ${path}`, user_version);
}

/** The whole database in one file's bytes, as of one moment, whatever version it has. */
export function copyCatalog(path: string): Uint8Array {
  return guarded(path, () => {
    const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      // Not a moment later either: whoever reads a store of an older Hakiri may write to its catalog.
      db.exec('BEGIN IMMEDIATE');
      const [found] = db.prepare('PRAGMA quick_check(1)').all();
      if (found?.quick_check !== 'ok')
        throw new HakiriError('store.catalog_lost', `The catalog ${path} is damaged`);
      const bytes = db.serialize();
      db.exec('ROLLBACK');
      return bytes;
    } finally {
      db.close();
    }
  });
}

/** Brings a catalog of an older version to this one, or leaves it as it was. */
export function migrateCatalog(path: string): void {
  open(path).close();
}

/** As usual where that can be: a reader, too, takes in what the catalog does not know yet. */
function openToRead(path: string): DatabaseSync {
  try {
    return open(path);
  } catch (error) {
    if (!(error instanceof HakiriError) || error.code !== 'store.read_only') throw error;
    return guarded(path, () => openUnwritable(path, error));
  }
}

/**
 * SQLite reads a database with a write-ahead log only beside files it may create, unless it is told that nobody
 * changes the file. Where a log is left, that would not be true of it.
 */
function openUnwritable(path: string, refusal: HakiriError): DatabaseSync {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  const location = log && log.size > 0 ? path : new URL(`${pathToFileURL(path).href}?immutable=1`);
  const db = new DatabaseSync(location, { readOnly: true });
  try {
    if (knownVersion(db, path) < MIGRATIONS.length) throw refusal;
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: DatabaseSync): void {
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('BEGIN IMMEDIATE');
  // Another process may have migrated while we waited for the lock.
  const version = Number((db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version);
  for (const batch of MIGRATIONS.slice(version)) db.exec(batch);
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  db.exec('COMMIT');
}

/**
 * Whoever keeps a catalog open reads it as he knows it: not any more once a newer Hakiri has upgraded it under him.
 * @throws HakiriError store.newer_format
 */
export function versionCheck(db: DatabaseSync, path: string): () => void {
  const statement = db.prepare('PRAGMA user_version');
  return () => {
    const { user_version } = statement.get() as { user_version: number };
    if (user_version > MIGRATIONS.length) throw newerFormat(`The catalog ${path}`, user_version);
  };
}

/** SQLite's errors as ours. */
export function guarded<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof HakiriError) throw error;
    switch (sqliteCode(error)) {
      case SQLITE.BUSY:
        throw new HakiriError('store.locked', 'Another process keeps the catalog busy', { cause: error });
      case SQLITE.FULL:
        throw new HakiriError('store.disk_full', `The disk filled up while writing ${path}`, {
          cause: error,
        });
      case SQLITE.READONLY:
      case SQLITE.CANTOPEN:
        throw new HakiriError('store.read_only', `The catalog ${path} cannot be opened for writing`, {
          cause: error,
        });
      case SQLITE.IOERR:
        throw new HakiriError('store.io', `The disk failed under the catalog ${path}`, { cause: error });
      case SQLITE.CORRUPT:
      case SQLITE.NOTADB:
        throw new HakiriError('store.catalog_lost', `The catalog ${path} is damaged`, { cause: error });
      default:
        throw new HakiriError(
          'store.catalog_lost',
          `The catalog ${path} does not hold what it should: ${(error as Error).message}`,
          {
            cause: error,
          },
        );
    }
  }
}
