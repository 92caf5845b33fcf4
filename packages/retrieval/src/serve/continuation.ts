import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Files, type Grant, HakiriError, type QueryRequest } from '@hakiri/core';
import type { Store } from '@hakiri/store';
import type { PinnedTable } from './pin.ts';

/** Where an answer goes on. */
export interface Position {
  readonly tables: readonly PinnedTable[];
  /** Rows that were given, or left out because they are deleted by now. */
  readonly offset: number;
}

/** Makes and reads `next`: whoever asks keeps it, we keep nothing. */
export interface Continuations {
  next(request: QueryRequest, grant: Grant, position: Position): Promise<string>;
  /** @throws HakiriError query.next_invalid for one that was not made here, for this request and this grant */
  read(request: QueryRequest, grant: Grant, next: string): Promise<Position>;
}

const KEY_BYTES = 32;
const MAC_BYTES = 16;
/** Longer than any we make. */
const MAX_CHARACTERS = 64_000;

export function createContinuations({ paths }: Pick<Store, 'paths'>, files: Files): Continuations {
  let key: Promise<Buffer> | undefined;
  const mac = async (text: string): Promise<Buffer> => {
    key ??= continuationKey(files, paths.keys);
    return createHmac('sha256', await key)
      .update(text)
      .digest()
      .subarray(0, MAC_BYTES);
  };
  return {
    async next(request, grant, { tables, offset }) {
      const text = JSON.stringify([digestOf(request, grant), offset, tables]);
      return `${Buffer.from(text).toString('base64url')}.${(await mac(text)).toString('base64url')}`;
    },
    async read(request, grant, next) {
      if (next.length > MAX_CHARACTERS) throw invalid();
      const [body = '', signature = ''] = next.split('.');
      const text = Buffer.from(body, 'base64url').toString('utf8');
      const given = Buffer.from(signature, 'base64url');
      const expected = await mac(text);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw invalid();
      const [digest, offset, tables] = JSON.parse(text) as [string, number, PinnedTable[]];
      if (digest !== digestOf(request, grant)) throw invalid();
      return { tables, offset };
    },
  };
}

/** What the rows are, not how many of them are wanted at once. */
function digestOf(request: QueryRequest, grant: Grant): string {
  const { limit, timeoutMs, maxBytes, signal, cite, explain, next, once, ...rows } = request;
  return createHash('sha256')
    .update(JSON.stringify([grant.digest, sorted(rows)]))
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
