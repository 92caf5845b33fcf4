import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import type { SeenTable } from '@hakiri/access';
import { type Files, type Grant, HakiriError, type QueryRequest, type RowsRequest } from '@hakiri/core';
import type { Store } from '@hakiri/store';
import type { PinnedTable } from './pin.ts';

/** Where an answer goes on. */
export interface Position {
  readonly tables: readonly PolicedTable[];
  /** Rows that were given, or left out because they are deleted by now. */
  readonly offset: number;
}

/** A table, and what of it was seen then. */
export interface PolicedTable extends PinnedTable {
  /** `SeenTable.digest`; undefined where it was seen whole. */
  readonly policy?: string;
}

/** Whether a grant sees of a table what it saw. */
export function samePolicy({ policy }: PolicedTable, seen: SeenTable | undefined): boolean {
  return seen !== undefined && seen.digest === (policy ?? '');
}

/** Makes and reads `next`: whoever asks keeps it, we keep nothing. */
export interface Continuations {
  next(request: QueryRequest, grant: Grant, position: Position): Promise<string>;
  /** @throws HakiriError query.next_invalid for one that was not made here, for this request and this grant */
  read(request: QueryRequest, grant: Grant, next: string): Promise<Position>;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Longer than any we make. */
const MAX_CHARACTERS = 64_000;
/** What it is padded to at least, where runs and small writes are not to be counted by its length. */
const LEAST_PADDED = 512;

export function createContinuations({ paths }: Pick<Store, 'paths'>, files: Files): Continuations {
  let key: Promise<Buffer> | undefined;
  const subkey = async (label: string): Promise<Buffer> => {
    key ??= continuationKey(files, paths.keys);
    return createHmac('sha256', await key)
      .update(label)
      .digest();
  };
  return {
    async next(request, grant, { tables, offset }) {
      const text = JSON.stringify([digestOf(request, grant), offset, tables]);
      const isPadded = tables.some(({ policy }) => policy !== undefined);
      const plain = Buffer.from(isPadded ? padded(text) : text, 'utf8');
      // Of the text itself: the same continuation is the same text.
      const nonce = createHmac('sha256', await subkey('nonce'))
        .update(plain)
        .digest()
        .subarray(0, NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', await subkey('seal'), nonce);
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString(
        'base64url',
      );
    },
    async read(request, grant, next) {
      if (next.length > MAX_CHARACTERS) throw invalid();
      const sealed = Buffer.from(next, 'base64url');
      // What is not said in its one form was not made here.
      if (sealed.toString('base64url') !== next) throw invalid();
      const [digest, offset, tables] = opened(await subkey('seal'), sealed);
      if (digest !== digestOf(request, grant)) throw invalid();
      return { tables, offset };
    },
  };
}

type Sealed = readonly [digest: string, offset: number, tables: PolicedTable[]];

function opened(key: Buffer, bytes: Buffer): Sealed {
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw invalid();
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return JSON.parse(text.toString('utf8')) as Sealed;
  } catch {
    throw invalid();
  }
}

/** To a power of two, by spaces, which JSON does not mind. */
function padded(text: string): string {
  const bytes = Buffer.byteLength(text);
  const length = Math.max(LEAST_PADDED, 2 ** Math.ceil(Math.log2(bytes)));
  return text + ' '.repeat(length - bytes);
}

/** What the rows are, not how many of them are wanted at once. */
function digestOf(request: QueryRequest, grant: Grant): string {
  return requestDigest([grant.asOwner, grant.digest, withoutLimits(request)]);
}

/** What is asked, and not how much of it at once, or what beside it. */
export function withoutLimits(request: QueryRequest): RowsRequest {
  const { limit, timeoutMs, maxBytes, signal, cite, explain, next, once, confidential, ...rows } = request;
  return rows;
}

/** Equal for requests that are the same, in whatever order their parts were written. */
export function requestDigest(request: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(request)))
    .digest('base64url');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]);
}

function invalid(): HakiriError {
  return new HakiriError('query.next_invalid', 'The continuation does not belong to this request', {
    hint: 'Send `next` with the request that it came from, unchanged; or ask from the start.',
  });
}

/** Made once. Where nothing can be written it lives as long as this process, and so do its continuations. */
async function continuationKey(files: Files, folder: string): Promise<Buffer> {
  const path = `${folder}/continuation.key`;
  try {
    return (await readKey(files, path)) ?? (await makeKey(files, folder, path));
  } catch {
    return randomBytes(KEY_BYTES);
  }
}

async function readKey(files: Files, path: string): Promise<Buffer | undefined> {
  if (!(await files.stat(path))) return undefined;
  const text = (await files.readText(path)).trim();
  return /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

async function makeKey(files: Files, folder: string, path: string): Promise<Buffer> {
  const key = randomBytes(KEY_BYTES);
  const temporary = `${path}.${process.pid}.tmp`;
  await files.makeFolder(folder, 0o700);
  await files.write(temporary, `${key.toString('hex')}\n`, 0o600);
  await files.sync(temporary);
  await files.rename(temporary, path);
  await files.syncFolder(folder);
  // Another process may have made one at the same time: what lies there counts.
  return (await readKey(files, path)) ?? key;
}
