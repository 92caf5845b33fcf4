import { hash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CHUNK,
  digestPrefix,
  MOST_ENTRIES,
  MOST_RECORDS,
  type Place,
  placesBytes,
  readPlace,
  recordsOf,
  type SegmentBuilder,
  segmentBuilder,
} from './index-segment.ts';
import { dayFiles, loggedNodes } from './log-files.ts';
import { readLines } from './read-lines.ts';
import type { AuditRecord } from './record-members.ts';

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
const HOUR_MS = 3_600_000;
/** A segment with fewer entries is taken up again and made larger. */
const FULL = 1 << 20;

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
    return openDatabase(path);
  } catch (error) {
    if (!isDamage(error)) throw error;
    remove(path);
    return openDatabase(path);
  }
}

function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 60_000 });
  try {
    db.exec('PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
    db.exec('BEGIN IMMEDIATE');
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
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

interface Source {
  readonly id: number;
  readonly node: string;
  readonly name: string;
  bytes: number;
  mark: string;
}

function takeIn(db: DatabaseSync, auditFolder: string): 'done' | 'ahead of the log' {
  db.exec('BEGIN IMMEDIATE');
  try {
    const done = takeAll(db, auditFolder);
    db.exec('COMMIT');
    return done;
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

function takeAll(db: DatabaseSync, auditFolder: string): 'done' | 'ahead of the log' {
  const known = db.prepare('SELECT id, node, name, bytes, mark FROM file').all() as unknown as Source[];
  const sources = new Map(known.map((source) => [`${source.node}/${source.name}`, source]));
  const addFile = db.prepare("INSERT INTO file (node, name, bytes, mark) VALUES (?, ?, 0, '')");
  const grown: Source[] = [];
  let seen = 0;
  for (const node of loggedNodes(auditFolder)) {
    for (const name of dayFiles(`${auditFolder}/${node}`)) {
      const path = `${node}/${name}`;
      const { size } = statSync(`${auditFolder}/${path}`);
      const source = sources.get(path);
      if (source !== undefined) seen++;
      if (source !== undefined && source.bytes > size) return 'ahead of the log';
      if (source?.bytes === size) continue;
      if (source !== undefined && markAt(`${auditFolder}/${path}`, source.bytes) !== source.mark)
        return 'ahead of the log';
      grown.push(
        source ?? { id: Number(addFile.run(node, name).lastInsertRowid), node, name, bytes: 0, mark: '' },
      );
    }
  }
  if (seen < known.length) return 'ahead of the log';
  if (grown.length > 0) takeFiles(db, auditFolder, grown);
  return 'done';
}

function takeFiles(db: DatabaseSync, auditFolder: string, grown: readonly Source[]): void {
  const writer = segmentWriter(db);
  const principals = principalIds(db);
  const activity = activityCounts(db);
  const setFile = db.prepare('UPDATE file SET bytes = ?, mark = ? WHERE id = ?');
  for (const { id, node, name, bytes: from } of grown) {
    const path = `${auditFolder}/${node}/${name}`;
    let end = from;
    for (const line of readLines(path, from)) {
      if (!line.isWhole) break;
      end = line.to;
      const record = parseRecord(line.bytes);
      if (record === undefined) continue;
      const atMs = Date.parse(record.at);
      const principal = principals(record);
      activity.add(principal, atMs, record);
      if (record.reads === undefined) continue;
      const segment = writer.current();
      segment.record({ file: id, principal, offset: line.from, atMs });
      for (const { how, table, keys } of record.reads) {
        if (how === 'counted') segment.add(countedDigest(table));
        for (const key of keys ?? []) segment.add(key);
      }
    }
    setFile.run(end, markAt(path, end), id);
  }
  writer.flush();
  activity.flush();
}

/** Stands for all rows of a table in one list with the digests of rows. */
const countedDigest = (table: string): string => hash('sha256', `counted\0${table}`, 'base64url');

const MARK_BYTES = 48;

/** What stands before an offset: where it changed, the index is of another file. */
function markAt(path: string, offset: number): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.min(MARK_BYTES, offset));
    readSync(file, bytes, 0, bytes.length, offset - bytes.length);
    return bytes.toString('latin1');
  } finally {
    closeSync(file);
  }
}

function parseRecord(line: Buffer): AuditRecord | undefined {
  try {
    const record = JSON.parse(line.toString('utf8')) as AuditRecord;
    return typeof record.seq === 'number' && typeof record.at === 'string' ? record : undefined;
  } catch {
    return undefined;
  }
}

function segmentWriter(db: DatabaseSync) {
  const last = db.prepare('SELECT id, entries FROM segment ORDER BY id DESC LIMIT 1').get() as
    | { id: number; entries: number }
    | undefined;
  const addSegment = db.prepare('INSERT INTO segment (entries, records) VALUES (?, ?)');
  const addPosting = db.prepare('INSERT INTO posting (segment, first, last, entries) VALUES (?, ?, ?, ?)');
  const addPlaces = db.prepare('INSERT INTO place VALUES (?, ?, ?)');
  let segment: SegmentBuilder | undefined;

  const takeUp = (id: number): SegmentBuilder => {
    const joined = (sql: string): Buffer =>
      Buffer.concat(
        db
          .prepare(sql)
          .all(id)
          .map(({ blob }) => blob as Uint8Array),
      );
    const builder = segmentBuilder({
      entries: joined('SELECT entries AS blob FROM posting WHERE segment = ? ORDER BY id'),
      places: joined('SELECT places AS blob FROM place WHERE segment = ? ORDER BY chunk'),
    });
    for (const table of ['posting', 'place']) db.prepare(`DELETE FROM ${table} WHERE segment = ?`).run(id);
    db.prepare('DELETE FROM segment WHERE id = ?').run(id);
    return builder;
  };

  const flush = (): void => {
    if (segment === undefined || segment.records === 0) return;
    const { entries, places } = segment.finish();
    const id = addSegment.run(segment.entries, segment.records).lastInsertRowid;
    for (let at = 0; at < entries.length; at += CHUNK) {
      const chunk = entries.subarray(at, at + CHUNK);
      const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      addPosting.run(id, chunk[0] ?? 0n, chunk.at(-1) ?? 0n, bytes);
    }
    for (let chunk = 0; chunk * CHUNK < segment.records; chunk++) {
      addPlaces.run(id, chunk, places.subarray(placesBytes(chunk * CHUNK), placesBytes((chunk + 1) * CHUNK)));
    }
    segment = undefined;
  };

  if (last !== undefined && last.entries < FULL) segment = takeUp(last.id);
  return {
    current(): SegmentBuilder {
      if (segment !== undefined && (segment.entries >= MOST_ENTRIES || segment.records >= MOST_RECORDS))
        flush();
      segment ??= segmentBuilder();
      return segment;
    },
    flush,
  };
}

const callerOf = ({ agent, host, on_behalf_of, task, delegates }: AuditRecord): string =>
  JSON.stringify({ agent, host, on_behalf_of, task, delegates });

function principalIds(db: DatabaseSync): (record: AuditRecord) => number {
  const known = new Map(
    db
      .prepare('SELECT id, caller FROM principal')
      .all()
      .map(({ id, caller }) => [caller as string, id as number]),
  );
  const add = db.prepare('INSERT INTO principal (caller) VALUES (?)');
  return (record) => {
    const caller = callerOf(record);
    let id = known.get(caller);
    if (id === undefined) {
      id = Number(add.run(caller).lastInsertRowid);
      known.set(caller, id);
    }
    return id;
  };
}

function activityCounts(db: DatabaseSync) {
  const counts = new Map<
    string,
    { requests: number; refused: number; failed: number; rows: number; lastMs: number }
  >();
  const add = db.prepare(
    `INSERT INTO activity VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
       refused = refused + excluded.refused, failed = failed + excluded.failed, rows = rows + excluded.rows,
       last_ms = max(last_ms, excluded.last_ms)`,
  );
  return {
    add(principal: number, atMs: number, { outcome, rows = 0 }: AuditRecord): void {
      if (outcome === undefined) return;
      const key = `${principal} ${Math.floor(atMs / HOUR_MS)}`;
      let count = counts.get(key);
      if (count === undefined) {
        count = { requests: 0, refused: 0, failed: 0, rows: 0, lastMs: 0 };
        counts.set(key, count);
      }
      count.requests++;
      if (outcome === 'refused') count.refused++;
      if (outcome === 'failed') count.failed++;
      count.rows += rows;
      count.lastMs = Math.max(count.lastMs, atMs);
    },
    flush(): void {
      for (const [key, { requests, refused, failed, rows, lastMs }] of counts) {
        const [principal = 0, hour = 0] = key.split(' ').map(Number);
        add.run(principal, hour, requests, refused, failed, rows, lastMs);
      }
    },
  };
}

function byAgent(db: DatabaseSync, sinceMs: number): readonly Activity[] {
  const rows = db
    .prepare(
      `SELECT caller, sum(requests) AS requests, sum(refused) AS refused, sum(failed) AS failed, sum(rows) AS rows,
         max(last_ms) AS last_ms
       FROM activity JOIN principal ON principal.id = activity.principal WHERE hour >= ?
       GROUP BY principal.id ORDER BY requests DESC, last_ms DESC`,
    )
    .all(Math.floor(sinceMs / HOUR_MS));
  return rows.map(({ caller, requests, refused, failed, rows: given, last_ms }) => ({
    ...(JSON.parse(caller as string) as Caller),
    requests: requests as number,
    refused: refused as number,
    failed: failed as number,
    rows: given as number,
    lastAt: new Date(last_ms as number).toISOString(),
  }));
}

const DEFAULT_LIMIT = 1000;

function whoRead(db: DatabaseSync, auditFolder: string, question: WhoReadQuestion): WhoRead {
  const { table, digests, sinceMs = Number.NEGATIVE_INFINITY, limit = DEFAULT_LIMIT } = question;
  const files = new Map(
    (db.prepare('SELECT id, node, name FROM file').all() as unknown as Source[]).map((file) => [
      file.id,
      file,
    ]),
  );
  const find = (wanted: readonly string[], matches: (record: AuditRecord) => boolean): Readers => {
    const found = wanted.flatMap((digest) => placesOf(db, digest)).filter(({ atMs }) => atMs >= sinceMs);
    const once = new Map(found.map((place) => [`${place.file} ${place.offset}`, place]));
    const places = [...once.values()].sort((a, b) => b.atMs - a.atMs || b.offset - a.offset);
    const records: FoundRecord[] = [];
    const others = new Set<Place>();
    let lost = 0;
    for (const place of places.slice(0, limit)) {
      const source = files.get(place.file);
      const record = source && readRecord(`${auditFolder}/${source.node}/${source.name}`, place.offset);
      if (source === undefined || record === undefined) lost++;
      else if (matches(record)) records.push({ node: source.node, record });
      else others.add(place);
    }
    const real = places.filter((place) => !others.has(place));
    return { requests: real.length, by: readersOf(db, real), records, lost };
  };
  return {
    returned: find(digests, ({ reads = [] }) =>
      reads.some((read) => read.table === table && read.keys?.some((key) => digests.includes(key)) === true),
    ),
    counted: find([countedDigest(table)], ({ reads = [] }) =>
      reads.some((read) => read.table === table && read.how === 'counted'),
    ),
  };
}

function placesOf(db: DatabaseSync, digest: string): readonly Place[] {
  const prefix = digestPrefix(digest);
  const [from, to] = [BigInt(prefix) << 24n, (BigInt(prefix) << 24n) + 0xffffffn];
  const chunks = db.prepare('SELECT entries FROM posting WHERE segment = ? AND first <= ? AND last >= ?');
  const placeChunk = db.prepare('SELECT places FROM place WHERE segment = ? AND chunk = ?');
  const found: Place[] = [];
  for (const { id } of db.prepare('SELECT id FROM segment').all() as { id: number }[]) {
    const records = new Set(
      chunks.all(id, to, from).flatMap(({ entries }) => recordsOf(entries as Uint8Array, prefix)),
    );
    const read = new Map<number, Uint8Array>();
    for (const record of records) {
      const chunk = Math.floor(record / CHUNK);
      const places = read.get(chunk) ?? (placeChunk.get(id, chunk)?.places as Uint8Array);
      read.set(chunk, places);
      found.push(readPlace(places, record % CHUNK));
    }
  }
  return found;
}

function readersOf(db: DatabaseSync, places: readonly Place[]): readonly Reader[] {
  const groups = new Map<number, { requests: number; firstMs: number; lastMs: number }>();
  for (const { principal, atMs } of places) {
    const group = groups.get(principal) ?? { requests: 0, firstMs: atMs, lastMs: atMs };
    groups.set(principal, {
      requests: group.requests + 1,
      firstMs: Math.min(group.firstMs, atMs),
      lastMs: Math.max(group.lastMs, atMs),
    });
  }
  const caller = db.prepare('SELECT caller FROM principal WHERE id = ?');
  return [...groups]
    .sort(([, a], [, b]) => b.lastMs - a.lastMs)
    .map(([id, { requests, firstMs, lastMs }]) => ({
      ...(JSON.parse(caller.get(id)?.caller as string) as Caller),
      requests,
      firstAt: new Date(firstMs).toISOString(),
      lastAt: new Date(lastMs).toISOString(),
    }));
}

/** Most records are smaller. */
const ONE_LINE_BYTES = 8192;

function readRecord(path: string, offset: number): AuditRecord | undefined {
  for (const { bytes, isWhole } of readLines(path, offset, ONE_LINE_BYTES))
    return isWhole ? parseRecord(bytes) : undefined;
  return undefined;
}
