import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Clock, type ErrorCode, type Files, HakiriError } from '@hakiri/core';
import type { Layout } from './layout.ts';
import { SQLITE, sqliteCode } from './sqlite-code.ts';

export interface WriterLock {
  release(): void;
}

export interface LockHolder {
  readonly pid: number;
  readonly command: string;
  readonly since: string;
}

export interface LockRequest {
  /** The lock, and the file that says who holds it. */
  readonly paths: Pick<Layout, 'lock' | 'lockHolder'>;
  /** Said when it cannot be had; `store.locked` unless given. */
  readonly code?: ErrorCode;
  readonly command: string;
  readonly waitMs: number;
  readonly files: Files;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Called once, when the lock is taken and the wait begins. */
  readonly onWait?: ((holder: LockHolder | undefined) => void) | undefined;
}

const RETRY_MS = 100;

/**
 * One writer a store. The lock is an open exclusive transaction on an empty SQLite file: the system gives it
 * back when the process ends, however it ends, so there is no stale lock to clean up.
 * @throws HakiriError store.locked after `waitMs`
 */
export async function acquireWriterLock(request: LockRequest): Promise<WriterLock> {
  const { paths, files, clock, waitMs, signal } = request;
  await files.makeFolder(dirname(paths.lock));
  const deadline = clock.monotonicMs() + waitMs;
  for (let waited = false; ; waited = true) {
    const db = tryLock(paths.lock);
    if (db) return announce(db, request);
    const holder = await readHolder(files, paths.lockHolder);
    if (clock.monotonicMs() >= deadline) throw locked(request.code ?? 'store.locked', holder);
    if (!waited) request.onWait?.(holder);
    await clock.sleep(RETRY_MS, signal);
  }
}

/** One process at a time makes, collects or rewrites snapshots. Taken behind the writer lock where both are. */
export function acquireCompactLock(
  { files, clock, paths }: { readonly files: Files; readonly clock: Clock; readonly paths: Layout },
  options: Pick<LockRequest, 'command' | 'waitMs' | 'signal' | 'onWait'>,
): Promise<WriterLock> {
  return acquireWriterLock({
    ...options,
    files,
    clock,
    paths: { lock: paths.compactLock, lockHolder: paths.compactLockHolder },
    code: 'store.compacting',
  });
}

const MOMENT_MS = 5;

/** Does something while nobody else does anything under the same lock, which is held for moments only. */
export async function withMomentLock<T>(
  path: string,
  { files, clock }: Pick<LockRequest, 'files' | 'clock'>,
  action: () => Promise<T>,
): Promise<T> {
  await files.makeFolder(dirname(path));
  let db = tryLock(path);
  for (; !db; db = tryLock(path)) await clock.sleep(MOMENT_MS);
  try {
    return await action();
  } finally {
    db.close();
  }
}

/** The lock is held from before; if nobody can be told so, it is given back. */
async function announce(
  db: DatabaseSync,
  { files, paths, command, clock }: LockRequest,
): Promise<WriterLock> {
  const holder: LockHolder = { pid: process.pid, command, since: new Date(clock.nowMs()).toISOString() };
  try {
    await files.write(paths.lockHolder, JSON.stringify(holder));
  } catch (error) {
    db.close();
    throw error;
  }
  return { release: () => db.close() };
}

function tryLock(path: string): DatabaseSync | undefined {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db?.close();
    const code = sqliteCode(error);
    if (code === SQLITE.BUSY || code === SQLITE.LOCKED) return undefined;
    if (code === SQLITE.READONLY || code === SQLITE.CANTOPEN) {
      throw new HakiriError('store.read_only', `The store cannot be written to: ${path}`, { cause: error });
    }
    if (code === SQLITE.FULL) {
      throw new HakiriError('store.disk_full', `There is no room for the store's lock: ${path}`, {
        cause: error,
      });
    }
    throw new HakiriError('store.io', `The store's lock cannot be taken: ${path}`, { cause: error });
  }
}

async function readHolder(files: Files, path: string): Promise<LockHolder | undefined> {
  try {
    return JSON.parse(await files.readText(path)) as LockHolder;
  } catch {
    return undefined;
  }
}

function locked(code: ErrorCode, holder: LockHolder | undefined): HakiriError {
  const who = holder ? `process ${holder.pid} (${holder.command}) since ${holder.since}` : 'another process';
  return new HakiriError(code, `The store is being written by ${who}`, {
    details: holder ? { pid: holder.pid, command: holder.command, since: holder.since } : {},
  });
}
