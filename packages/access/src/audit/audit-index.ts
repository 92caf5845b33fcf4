import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HakiriError } from '@hakiri/core';
import { byAgent, whoRead } from './ask-index.ts';
import type { AuditRecord } from './record-members.ts';
import { takeIn } from './take-in.ts';

/** Answers from the log without reading all of it. Made again from the log when it is lost, damaged or ahead of it. */
export interface AuditIndex {
  /** Takes in what was recorded since. */
  catchUp(): void;
  whoRead(question: WhoReadQuestion): WhoRead;
  /** By who asked, most requests first; `sinceMs` counts from the beginning of its hour. */
  byAgent(sinceMs: number): readonly Activity[];
  close(): void;
}

export interface WhoReadQuestion {
  readonly table: string;
  /** Digests that may be the row's. */
  readonly digests: readonly string[];
  readonly sinceMs?: number;
  /** Records told one by one, the newest; who they are from is told of all. 1000 when undefined. */
  readonly limit?: number;
}

export interface WhoRead {
  /** Was given the row. */
  readonly returned: Readers;
  /** Got aggregates, searches or exports of its table, in which it may have had a part. */
  readonly counted: Readers;
}

export interface Readers {
  readonly requests: number;
  readonly by: readonly Reader[];
  /** Newest first. */
  readonly records: readonly FoundRecord[];
  /** Lines that the index knows and that are not there any more: see `verify`. */
  readonly lost: number;
}

export interface Caller {
  /** Undefined where nobody was let in. */
  readonly agent?: string;
  readonly host?: string;
  readonly on_behalf_of?: string;
  readonly task?: string;
  /** Those it was passed on to, in their order. */
  readonly delegates?: readonly { readonly agent: string; readonly task?: string }[];
}

export interface Reader extends Caller {
  readonly requests: number;
  readonly firstAt: string;
  readonly lastAt: string;
}

export interface FoundRecord {
  readonly node: string;
  readonly record: AuditRecord;
}

export interface Activity extends Caller {
  readonly requests: number;
  readonly refused: number;
  readonly failed: number;
  readonly rows: number;
  readonly lastAt: string;
}
const VERSION = 1;

const SCHEMA = `
  CREATE TABLE file (id INTEGER PRIMARY KEY, node TEXT, name TEXT, bytes INTEGER, mark TEXT, UNIQUE (node, name));
  CREATE TABLE principal (id INTEGER PRIMARY KEY, caller TEXT UNIQUE);
  CREATE TABLE segment (id INTEGER PRIMARY KEY, entries INTEGER, records INTEGER);
  CREATE TABLE posting (id INTEGER PRIMARY KEY, segment INTEGER, first INTEGER, last INTEGER, entries BLOB);
  CREATE INDEX posting_by ON posting (segment, first, last);
  CREATE TABLE place (segment INTEGER, chunk INTEGER, places BLOB, PRIMARY KEY (segment, chunk));
  CREATE TABLE activity (principal INTEGER, hour INTEGER, requests INTEGER, refused INTEGER, failed INTEGER,
    rows INTEGER, last_ms INTEGER, PRIMARY KEY (principal, hour)) WITHOUT ROWID;
  PRAGMA user_version = ${VERSION};`;

/** Opens or makes the index at `path` over the logs in `auditFolder`. It is of no use to two threads at once. */
export function openAuditIndex(path: string, auditFolder: string): AuditIndex {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let db = openOrMake(path);
  const again = (): void => {
    db.close();
    remove(path);
    db = openOrMake(path);
  };
  return {
    catchUp() {
      try {
        if (takeIn(db, auditFolder) === 'ahead of the log') {
          again();
          takeIn(db, auditFolder);
        }
      } catch (error) {
        if (!isDamage(error)) throw error;
        again();
        takeIn(db, auditFolder);
      }
    },
    whoRead: (question) => whoRead(db, auditFolder, question),
    byAgent: (sinceMs) => byAgent(db, sinceMs),
    close: () => db.close(),
  };
}

const CORRUPT = new Set([11, 26]);
const isDamage = (error: unknown): boolean =>
  CORRUPT.has(((error as { errcode?: number }).errcode ?? 0) % 256);

function remove(path: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(path + ending, { force: true });
}

function openOrMake(path: string): DatabaseSync {
  try {
    const db = openDatabase(path);
    if (db !== undefined) return db;
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  remove(path);
  const made = openDatabase(path);
  if (made === undefined) throw new HakiriError('internal', `${path} was made by another program meanwhile`);
  return made;
}

/** Undefined for one of a newer version: all that is in it stands in the log. */
function openDatabase(path: string): DatabaseSync | undefined {
  const db = new DatabaseSync(path, { timeout: 60_000 });
  try {
    db.exec('PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
    db.exec('BEGIN IMMEDIATE');
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version > VERSION) {
      db.close();
      return undefined;
    }
    if (version !== VERSION) {
      for (const { name } of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all())
        db.exec(`DROP TABLE "${name}"`);
      db.exec(SCHEMA);
    }
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
