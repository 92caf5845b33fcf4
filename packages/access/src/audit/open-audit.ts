import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type AppendFile,
  type AuditEvent,
  type AuditSink,
  type Clock,
  type Files,
  HakiriError,
  isHakiriError,
} from '@hakiri/core';
import type { AuditKeys } from './audit-keys.ts';
import { type AuditSigner, checkpointLine, checkpointsEnd } from './checkpoint.ts';
import { type HeadFile, headText, openHead, parseHead } from './head.ts';
import { MAX_LINE_BYTES, sealLine } from './line.ts';
import { CHECKPOINTS_NAME, dayFile, HEAD_NAME } from './log-files.ts';
import { type NodeLock, openNodeLock } from './node-lock.ts';
import { recordMembers } from './record-members.ts';
import { recoverTail, type Tail } from './recover.ts';

export interface AuditOptions {
  readonly files: Files;
  readonly clock: Clock;
  /** `.hakiri/audit`. */
  readonly folder: string;
  readonly node: string;
  readonly keys: AuditKeys;
  /** Asked at each checkpoint; undefined where the project has no signing key here. */
  readonly signer?: () => Promise<AuditSigner | undefined>;
  /** A checkpoint is made after so many records, after so long, and at the end. */
  readonly checkpointEvery?: { readonly records: number; readonly ms: number };
}

export interface AuditLog extends AuditSink {
  /** Makes a checkpoint of all that is recorded, if there is none. @throws HakiriError audit.unavailable */
  checkpoint(): Promise<void>;
}

interface Pending {
  readonly at: string;
  readonly members: string;
  resolve(): void;
  reject(error: unknown): void;
}

/** What this process has open. */
interface Opened {
  readonly lock: NodeLock;
  readonly head: HeadFile;
}

/** Where to write next. */
interface Place {
  readonly tail: Tail;
  readonly file: AppendFile;
}

/** What was written last by this process: if the head still says the same, nothing has to be looked at. */
interface Known extends Place {
  /** The head, as it was left with the lock; empty since something was written. */
  readonly raw: string;
}

const CHECKPOINT_EVERY = { records: 1000, ms: 300_000 };
/** The lock is kept for as long, for whoever asks next: taking it and writing the head cost as much as a flush may. */
const KEEP_LOCK_MS = 5;
/** After which others that wait are let in, and the head is written though nobody waits. */
const TURN_MS = 20;
const LET_IN_MS = 2;

/**
 * The log of one node: a line a record, each with the hash of the one before. All records that wait are written and
 * flushed together, and none resolves before. Processes of a node take turns. Nothing is opened before the first
 * record.
 */
export function openAudit(options: AuditOptions): AuditLog {
  const { files, clock, node, keys, checkpointEvery = CHECKPOINT_EVERY } = options;
  const folder = `${options.folder}/${node}`;
  const checkpoints = `${folder}/${CHECKPOINTS_NAME}`;
  let opened: Opened | undefined;
  let known: Known | undefined;
  /** Since when the lock is held. */
  let heldMs: number | undefined;
  let headMs = 0;
  let queue: Pending[] = [];
  let pumping: Promise<void> | undefined;
  let isClosed = false;
  let checkpointedMs = clock.monotonicMs();
  let checkpointTimer: NodeJS.Timeout | undefined;
  let releaseTimer: NodeJS.Timeout | undefined;

  const now = (): string => new Date(clock.nowMs()).toISOString();

  const open = async (): Promise<Opened> => {
    if (opened !== undefined) return opened;
    await files.makeFolder(folder, 0o700);
    for (const path of [folder, options.folder, dirname(options.folder)]) await files.syncFolder(path);
    const lock = openNodeLock(folder, clock);
    try {
      opened = { lock, head: openHead(`${folder}/${HEAD_NAME}`) };
      return opened;
    } catch (error) {
      lock.close();
      throw error;
    }
  };

  const forget = async (): Promise<void> => {
    const file = known?.file;
    known = undefined;
    await file?.close().catch(() => {});
  };

  const writeHead = (
    { head }: Opened,
    { seq, hash, file, bytes, checkpoint }: Tail,
    writing: boolean,
  ): string => {
    const text = headText(node, { seq, hash, file, bytes, checkpoint, writing }, keys);
    head.write(text);
    headMs = clock.monotonicMs();
    return text;
  };

  const acquire = async ({ lock }: Opened): Promise<void> => {
    clearTimeout(releaseTimer);
    if (heldMs !== undefined) return;
    await lock.acquire();
    heldMs = clock.monotonicMs();
  };

  const release = (): void => {
    clearTimeout(releaseTimer);
    if (opened === undefined || heldMs === undefined) return;
    heldMs = undefined;
    try {
      if (known !== undefined) known = { ...known, raw: writeHead(opened, known.tail, false) };
    } finally {
      opened.lock.release();
    }
  };

  const releaseSoon = (): void => {
    clearTimeout(releaseTimer);
    releaseTimer = setTimeout(() => {
      try {
        release();
      } catch {
        // The head stays behind, and the next one finds out.
      }
    }, KEEP_LOCK_MS).unref();
  };

  const openFile = async (name: string): Promise<AppendFile> => {
    const path = `${folder}/${name}`;
    const isNew = (await files.stat(path)) === undefined;
    const file = await files.append(path);
    try {
      if (isNew) await files.syncFolder(folder);
      return file;
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  };

  /** The day's file, and never one before that of the last record: a clock that is set back changes no order. */
  const fileFor = (last: string): string => (last > dayFile(now()) ? last : dayFile(now()));

  /** Finds the end of the log, and what to tell of how it was found. Under the lock. */
  const find = async (
    open: Opened,
  ): Promise<Place & { readonly start: string; readonly told: readonly string[] }> => {
    const raw = open.head.raw();
    const isKnown = known !== undefined && known.raw === raw && fileFor(known.tail.file) === known.tail.file;
    if (known !== undefined && isKnown) {
      writeHead(open, known.tail, true);
      return { ...known, start: '', told: [] };
    }
    await forget();
    const { tail, told, isCutLine } = await recoverTail(files, folder, keys, parseHead(raw, node, keys));
    const name = fileFor(tail.file);
    const file = await openFile(name);
    const isSame = name === tail.file;
    const place = { tail: isSame ? tail : { ...tail, file: name, bytes: file.sizeBytes }, file };
    try {
      writeHead(open, place.tail, true);
      if (raw === '') open.head.sync();
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    return {
      ...place,
      start: isSame && isCutLine ? '\n' : '',
      told: told === undefined ? [] : [JSON.stringify({ action: 'log_recovered', ...told }).slice(1, -1)],
    };
  };

  /** The lock is held from before, and the day is the same. */
  const isGoingOn = (): boolean =>
    heldMs !== undefined &&
    known !== undefined &&
    known.raw === '' &&
    fileFor(known.tail.file) === known.tail.file;

  const write = async (group: readonly Pending[]): Promise<void> => {
    const open_ = await open();
    // Where it is not known what this process wrote last, whoever came in between may have, too.
    if (!isGoingOn()) release();
    await acquire(open_);
    const { tail, file, start, told } =
      known !== undefined && isGoingOn() ? { ...known, start: '', told: [] } : await find(open_);
    const at = now();
    let { seq, hash } = tail;
    let text = start;
    for (const { at: moment, members } of [...told.map((members) => ({ at, members })), ...group]) {
      const sealed = sealLine({ seq: ++seq, at: moment, prev: hash }, members, keys);
      hash = sealed.hash;
      text += `${sealed.line}\n`;
    }
    const bytes = Buffer.from(text);
    known = { tail, file, raw: '' };
    try {
      await file.write(bytes);
      await file.sync();
    } catch (error) {
      await takeBack(open_, known);
      throw error;
    }
    known = { tail: { ...tail, seq, hash, bytes: tail.bytes + bytes.length }, file, raw: '' };
    if (seq - tail.checkpoint >= checkpointEvery.records || isCheckpointDue())
      await writeCheckpoint(open_).catch(() => {});
    else if (clock.monotonicMs() - headMs > TURN_MS) writeHead(open_, known.tail, true);
  };

  /** Nothing of what is refused stays; where that cannot be done now, the next one finds the head still writing. */
  const takeBack = async (open: Opened, { file, tail }: Place): Promise<void> => {
    known = undefined;
    try {
      writeHead(open, tail, true);
      await file.truncate(tail.bytes);
      await file.sync();
      writeHead(open, tail, false);
    } catch {
      // Told by the head.
    }
    await file.close().catch(() => {});
  };

  const isCheckpointDue = (): boolean => clock.monotonicMs() - checkpointedMs >= checkpointEvery.ms;

  /** Under the lock, after a record. What fails is made up for by the next one. */
  const writeCheckpoint = async (open: Opened): Promise<void> => {
    if (known === undefined || known.tail.seq <= known.tail.checkpoint) return;
    const { tail } = known;
    const isNew = (await files.stat(checkpoints)) === undefined;
    const there = checkpointsEnd(checkpoints, keys);
    // One that was refused may have stayed: it is one all the same.
    if (there.seq < tail.seq) {
      const signer = await options.signer?.();
      const after = Math.max(there.seq, tail.checkpoint);
      const facts = { node, seq: tail.seq, hash: tail.hash, at: now(), after };
      const file = await files.append(checkpoints);
      try {
        if (there.wholeBytes < file.sizeBytes) await file.truncate(there.wholeBytes);
        await file.write(Buffer.from(`${checkpointLine(facts, keys, signer)}\n`));
        await file.sync();
        if (isNew) await files.syncFolder(folder);
      } finally {
        await file.close();
      }
    }
    known = { ...known, tail: { ...tail, checkpoint: tail.seq } };
    writeHead(open, known.tail, true);
    open.head.sync();
    checkpointedMs = clock.monotonicMs();
  };

  /** A checkpoint without a record: of what this process wrote, where nobody went on since. */
  const checkpointNow = async (): Promise<void> => {
    if (opened === undefined || known === undefined) return;
    if (heldMs === undefined) {
      await acquire(opened);
      if (opened.head.raw() !== known.raw) await forget();
    }
    try {
      await writeCheckpoint(opened);
    } finally {
      release();
    }
  };

  const schedule = (): void => {
    if (checkpointTimer !== undefined || isClosed) return;
    checkpointTimer = setTimeout(() => {
      checkpointTimer = undefined;
      void alone(checkpointNow).catch(() => {});
    }, checkpointEvery.ms).unref();
  };

  /** Lets others in that have waited for long enough. */
  const takeTurns = async (): Promise<void> => {
    if (opened === undefined || heldMs === undefined) return;
    if (clock.monotonicMs() - heldMs < TURN_MS) return;
    if (!opened.lock.contended()) {
      heldMs = clock.monotonicMs();
      return;
    }
    release();
    await clock.sleep(LET_IN_MS);
  };

  const pump = async (): Promise<void> => {
    // Those that come in the same turn share a flush.
    await undefined;
    while (queue.length > 0) {
      const group = queue;
      queue = [];
      try {
        await write(group);
        for (const { resolve } of group) resolve();
      } catch (error) {
        await forget();
        for (const { reject } of group) reject(unavailable(error));
      }
      // Whoever was just answered may ask again: then that shares the next flush.
      await nextTurn();
      if (queue.length > 0) await takeTurns();
    }
    if (known === undefined) release();
    else releaseSoon();
    schedule();
    pumping = undefined;
  };

  /** Does something while nothing is being written. */
  const alone = async (action: () => Promise<void>): Promise<void> => {
    while (pumping !== undefined) await pumping;
    const running = action();
    pumping = running.then(
      () => {},
      () => {},
    );
    await pumping;
    pumping = queue.length > 0 ? pump() : undefined;
    return running;
  };

  return {
    record(event: AuditEvent) {
      if (isClosed) return Promise.reject(new HakiriError('audit.unavailable', 'The audit log is closed'));
      const members = recordMembers(event, keys);
      if (members.length * 3 > MAX_LINE_BYTES && Buffer.byteLength(members) > MAX_LINE_BYTES - 1000)
        return Promise.reject(
          new HakiriError('audit.unavailable', 'The request touches more than one record can tell'),
        );
      return new Promise((resolve, reject) => {
        queue.push({ at: now(), members, resolve, reject });
        pumping ??= pump();
      });
    },
    checkpoint: () => alone(checkpointNow).catch((error: unknown) => Promise.reject(unavailable(error))),
    async close() {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(checkpointTimer);
      // A disk that takes no checkpoint has the records all the same.
      await alone(checkpointNow).catch(() => {});
      await forget();
      opened?.lock.close();
      opened?.head.close();
      opened = undefined;
    },
  };
}

function unavailable(error: unknown): HakiriError {
  if (isHakiriError(error) && error.code === 'audit.unavailable') return error;
  const code = isHakiriError(error) ? error.code : 'store.io';
  return new HakiriError(
    'audit.unavailable',
    `The audit log cannot be written (${code}), so nothing is answered`,
    {
      cause: error,
    },
  );
}
