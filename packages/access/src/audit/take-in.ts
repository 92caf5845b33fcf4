import { hash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import {
  CHUNK,
  MOST_ENTRIES,
  MOST_RECORDS,
  placesBytes,
  type SegmentBuilder,
  segmentBuilder,
} from './index-segment.ts';
import { dayFiles, loggedNodes } from './log-files.ts';
import { readLines } from './read-lines.ts';
import type { AuditRecord } from './record-members.ts';

/** Activity is counted by the hour. */
export const HOUR_MS = 3_600_000;
/** A segment with fewer entries is taken up again and made larger. */
const FULL = 1 << 20;

/** A day of a node, as far as it is in the index. */
export interface IndexedFile {
  readonly id: number;
  readonly node: string;
  readonly name: string;
  bytes: number;
  mark: string;
}

/** Takes in what was recorded since. `ahead of the log`: the index was made from another log than lies there now. */
export function takeIn(db: DatabaseSync, auditFolder: string): 'done' | 'ahead of the log' {
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
  const known = db.prepare('SELECT id, node, name, bytes, mark FROM file').all() as unknown as IndexedFile[];
  const sources = new Map(known.map((source) => [`${source.node}/${source.name}`, source]));
  const addFile = db.prepare("INSERT INTO file (node, name, bytes, mark) VALUES (?, ?, 0, '')");
  const grown: IndexedFile[] = [];
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

function takeFiles(db: DatabaseSync, auditFolder: string, grown: readonly IndexedFile[]): void {
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
export const countedDigest = (table: string): string => hash('sha256', `counted\0${table}`, 'base64url');

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

export function parseRecord(line: Buffer): AuditRecord | undefined {
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
