import { mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HakiriError, type TableName } from '@hakiri/core';
import { SQLITE, sqliteCode } from '../disk/sqlite-code.ts';
import type { RowShape } from './row-key.ts';

/** Raised with every change of what the file holds: an older one is made again. */
const FORMAT = 1;
/** Blocks of some kilobytes leave less of a page unused than in SQLite's own 4 KB. */
const PAGE_BYTES = 16_384;

export function sidecarPath(cache: string, project: string, table: TableName): string {
  return join(cache, 'rows', project, `${table}.sqlite`);
}

/** The file itself last: whoever finds it gone makes it anew, and must not find the old one's log beside it. */
export function removeSidecar(path: string): void {
  for (const suffix of ['-wal', '-shm', '']) rmSync(`${path}${suffix}`, { force: true });
}

/** Tells one file from the next at the same path; undefined when there is none. */
export function fileIdentity(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}

/**
 * @param busyMs how long a write waits for another process's; the whole program stands still meanwhile
 */
export function openSidecarFile(path: string, busyMs: number): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true });
  const db = new DatabaseSync(path, { timeout: busyMs });
  try {
    // NORMAL: after a power cut the last transactions may be missing, never torn; what is missing is noticed.
    db.exec(
      `PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096`,
    );
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function createTables(db: DatabaseSync, { kind }: RowShape): void {
  const key = kind === 'text' ? 'TEXT' : 'INTEGER';
  const own = kind === 'text' ? ' WITHOUT ROWID' : '';
  db.exec(`
    CREATE TABLE state (
      format INTEGER NOT NULL, shape TEXT NOT NULL, snapshot TEXT, snapshot_parts TEXT, horizon TEXT,
      greatest_order TEXT NOT NULL, next_block INTEGER NOT NULL, held INTEGER NOT NULL, dead INTEGER NOT NULL
    );
    -- parts: what the run's files were; NULL for one that was taken from a snapshot or a file of small writes.
    CREATE TABLE runs (number INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, taken INTEGER NOT NULL, parts TEXT);
    CREATE TABLE deltas (run TEXT PRIMARY KEY, bytes INTEGER NOT NULL, tail TEXT) WITHOUT ROWID;
    CREATE TABLE dictionaries (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE layouts (id INTEGER PRIMARY KEY, columns TEXT NOT NULL, dictionary INTEGER NOT NULL);
    CREATE TABLE blocks (id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, held INTEGER NOT NULL, alive INTEGER NOT NULL, data BLOB NOT NULL);
    CREATE TABLE loose (id INTEGER PRIMARY KEY, key ${key} NOT NULL, layout INTEGER NOT NULL, row TEXT NOT NULL);
    -- place: 16 * block + slot, or -id of a loose row.
    CREATE TABLE keys (key ${key} PRIMARY KEY NOT NULL, place INTEGER NOT NULL)${own};
    CREATE TABLE tombstones (key ${key} PRIMARY KEY NOT NULL, run TEXT NOT NULL, row_order TEXT NOT NULL)${own};
  `);
}

/** Gives back what rewritten blocks have left behind, once it is worth the moving of pages. */
export function giveSpaceBack(db: DatabaseSync): void {
  const pages = Number(db.prepare('PRAGMA page_count').get()?.page_count);
  const free = Number(db.prepare('PRAGMA freelist_count').get()?.freelist_count);
  if (free * 10 > pages) db.exec('PRAGMA incremental_vacuum');
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

/** What a sidecar has taken in. */
export interface SidecarState {
  readonly shape: RowShape;
  readonly snapshot: string | null;
  readonly snapshotParts: string | null;
  readonly horizon: string | null;
  readonly runs: ReadonlyMap<string, TakenRun>;
  readonly deltas: ReadonlyMap<string, TakenDelta>;
}

export interface TakenRun {
  readonly parts: string | null;
}

export interface TakenDelta {
  /** Up to the end of the last line that was taken. */
  readonly bytes: number;
  /** Size and time of a file whose end was torn when it was read: nothing is missing while it is the same. */
  readonly tail: string | null;
}

/** Undefined for a file that holds no sidecar, or one of another format. */
export function readState(db: DatabaseSync): SidecarState | undefined {
  if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'state'").get()) return undefined;
  const row = db.prepare('SELECT * FROM state').get();
  if (row?.format !== FORMAT) return undefined;
  const runs = db.prepare('SELECT run, parts FROM runs WHERE taken = 1').all();
  const deltas = db.prepare('SELECT run, bytes, tail FROM deltas').all();
  return {
    shape: JSON.parse(String(row.shape)) as RowShape,
    snapshot: row.snapshot as string | null,
    snapshotParts: row.snapshot_parts as string | null,
    horizon: row.horizon as string | null,
    runs: new Map(runs.map(({ run, ...rest }) => [String(run), rest as unknown as TakenRun])),
    deltas: new Map(deltas.map(({ run, ...rest }) => [String(run), rest as unknown as TakenDelta])),
  };
}

export function writeFirstState(db: DatabaseSync, shape: RowShape): void {
  db.prepare("INSERT INTO state VALUES (?, ?, NULL, NULL, NULL, '', 1, 0, 0)").run(
    FORMAT,
    JSON.stringify(shape),
  );
}

/** What was taken in with a transaction: written in the same. */
export interface Taken {
  readonly shape: RowShape;
  readonly snapshot?: { readonly id: string; readonly parts: string; readonly horizon: string } | undefined;
  /** Runs whose rows are here now. */
  readonly runs: readonly ({ readonly run: string } & TakenRun)[];
  readonly deltas: readonly ({ readonly run: string } & TakenDelta)[];
}

export function recordTaken(db: DatabaseSync, { shape, snapshot, runs, deltas }: Taken): void {
  db.prepare('UPDATE state SET shape = ?').run(JSON.stringify(shape));
  if (snapshot !== undefined) {
    db.prepare('UPDATE state SET snapshot = ?, snapshot_parts = ?, horizon = ?').run(
      snapshot.id,
      snapshot.parts,
      snapshot.horizon,
    );
  }
  const run = db.prepare(
    `INSERT INTO runs (run, taken, parts) VALUES (?, 1, ?)
     ON CONFLICT (run) DO UPDATE SET taken = 1, parts = excluded.parts`,
  );
  for (const taken of runs) run.run(taken.run, taken.parts);
  const delta = db.prepare('INSERT OR REPLACE INTO deltas VALUES (?, ?, ?)');
  for (const taken of deltas) delta.run(taken.run, taken.bytes, taken.tail);
}

/** Runs `work` as one transaction that may write. */
export function writing<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** An error of SQLite as one of ours: what is neither the disk's nor another process's is damage. */
export function sidecarError(error: unknown): HakiriError {
  if (error instanceof HakiriError) return error;
  const cause = { cause: error };
  switch (sqliteCode(error)) {
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return new HakiriError('store.locked', 'Another process keeps the row sidecar busy', cause);
    case SQLITE.FULL:
      return new HakiriError('store.disk_full', 'The disk filled up while writing the row sidecar', cause);
    case SQLITE.READONLY:
    case SQLITE.CANTOPEN:
      return new HakiriError('store.read_only', 'The row sidecar cannot be written to', cause);
    case SQLITE.IOERR:
      return new HakiriError('store.io', 'The disk failed under the row sidecar', cause);
    default:
      return new HakiriError('store.damaged', 'The row sidecar is damaged', cause);
  }
}
