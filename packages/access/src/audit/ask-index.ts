import type { DatabaseSync } from 'node:sqlite';
import type {
  Activity,
  Caller,
  FoundRecord,
  Reader,
  Readers,
  WhoRead,
  WhoReadQuestion,
} from './audit-index.ts';
import { CHUNK, digestPrefix, type Place, readPlace, recordsOf } from './index-segment.ts';
import { readLines } from './read-lines.ts';
import type { AuditRecord } from './record-members.ts';
import { countedDigest, HOUR_MS, type IndexedFile, parseRecord } from './take-in.ts';

export function byAgent(db: DatabaseSync, sinceMs: number): readonly Activity[] {
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

export function whoRead(db: DatabaseSync, auditFolder: string, question: WhoReadQuestion): WhoRead {
  const { table, digests, sinceMs = Number.NEGATIVE_INFINITY, limit = DEFAULT_LIMIT } = question;
  const files = new Map(
    (db.prepare('SELECT id, node, name FROM file').all() as unknown as IndexedFile[]).map((file) => [
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
