import { type Files, HakiriError, type JsonValue, type TableName } from '@hakiri/core';
import { z } from 'zod';
import { syncUpTo, writeDurably } from '../disk/durable.ts';
import type { Layout } from '../disk/layout.ts';
import { keyDigest, subjectDigest } from './digest.ts';
import { readPseudonymKey } from './pseudonym-key.ts';

/** `erasures/<digest>.json`: something that was forgotten, told only to who has the key and the value. */
export interface ErasureRecord {
  readonly format: 1;
  /** HMAC-SHA256 under the pseudonym key, lower-case hex. */
  readonly digest: string;
  readonly kind: 'subject' | 'key';
  /** Of a key. */
  readonly table?: TableName;
  readonly created_at: string;
}

/** What was read back when nothing of an erasure was left. */
export interface ErasureProof {
  readonly files: number;
  readonly bytes: number;
  readonly rowsFound: 0;
}

/** Tells what was forgotten from what was not. */
export interface Forgotten {
  readonly hasSubjects: boolean;
  /** All names of the subjects, while they are still known. */
  readonly inClear?: readonly string[];
  subject(text: string): boolean;
  hasKeys(table: TableName): boolean;
  key(table: TableName, values: readonly JsonValue[]): boolean;
}

export interface Erasures {
  readonly records: readonly ErasureRecord[];
  /** Digests of those that were not proven yet: a process died in between. */
  readonly unfinished: readonly string[];
  readonly forgotten: Forgotten;
}

const RECORD = /^([0-9a-f]{64})\.json$/;
const DONE = /^([0-9a-f]{64})\.done\.json$/;

const recordSchema = z.strictObject({
  format: z.literal(1),
  digest: z.string(),
  kind: z.enum(['subject', 'key']),
  table: z.string().optional(),
  created_at: z.string(),
});

type Place = { readonly files: Files; readonly paths: Layout };

export async function hasErasures({ files, paths }: Place): Promise<boolean> {
  return (await files.list(paths.erasures)).some(({ name }) => RECORD.test(name));
}

/**
 * Undefined where nothing was ever forgotten.
 * @throws HakiriError store.key_missing; store.damaged for a record that cannot be read
 */
export async function readErasures({ files, paths }: Place): Promise<Erasures | undefined> {
  const names = (await files.list(paths.erasures)).map(({ name }) => name);
  const records: ErasureRecord[] = [];
  for (const name of names) {
    if (RECORD.test(name)) records.push(await readRecord(files, `${paths.erasures}/${name}`));
  }
  if (records.length === 0) return undefined;
  const done = new Set(names.map((name) => DONE.exec(name)?.[1]));
  const digests = records.map(({ digest }) => digest);
  return {
    records,
    unfinished: digests.filter((digest) => !done.has(digest)),
    forgotten: recognise(await readPseudonymKey(files, paths), records),
  };
}

/** Written once, before anything else happens. */
export async function writeRecord({ files, paths }: Place, record: ErasureRecord): Promise<void> {
  const path = `${paths.erasures}/${record.digest}.json`;
  if (await files.stat(path)) return;
  await files.makeFolder(paths.erasures);
  await writeDurably(files, path, `${JSON.stringify(record, null, 2)}\n`);
  await syncUpTo(files, paths.erasures, paths.context);
}

export async function writeDone(
  { files, paths }: Place,
  digest: string,
  proof: ErasureProof,
  at: string,
): Promise<void> {
  const done = { format: 1, digest, proven_at: at, files: proof.files, bytes: proof.bytes, rows_found: 0 };
  await writeDurably(files, `${paths.erasures}/${digest}.done.json`, `${JSON.stringify(done, null, 2)}\n`);
}

async function readRecord(files: Files, path: string): Promise<ErasureRecord> {
  try {
    return recordSchema.parse(JSON.parse(await files.readText(path))) as ErasureRecord;
  } catch (cause) {
    throw new HakiriError('store.damaged', `${path} is not the record of an erasure`, {
      cause,
      details: { path },
    });
  }
}

function recognise(key: Buffer, records: readonly ErasureRecord[]): Forgotten {
  const subjects = new Set(records.filter(({ kind }) => kind === 'subject').map(({ digest }) => digest));
  const keyed = records.filter(({ kind }) => kind === 'key');
  const keys = new Set(keyed.map(({ digest }) => digest));
  const tables = new Set(keyed.map(({ table }) => table));
  return {
    hasSubjects: subjects.size > 0,
    subject: (text) => subjects.size > 0 && subjects.has(subjectDigest(key, text)),
    hasKeys: (table) => tables.has(table),
    key: (table, values) => tables.has(table) && keys.has(keyDigest(key, table, values) ?? ''),
  };
}
