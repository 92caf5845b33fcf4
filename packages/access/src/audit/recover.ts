import { readFileSync } from 'node:fs';
import type { Files } from '@hakiri/core';
import type { AuditKeys } from './audit-keys.ts';
import { lastCheckpoint } from './checkpoint.ts';
import type { Head } from './head.ts';
import { NO_HASH, openLine } from './line.ts';
import { CHECKPOINTS_NAME, dayFiles } from './log-files.ts';
import { readLines } from './read-lines.ts';

/** Where the log goes on. */
export type Tail = Omit<Head, 'writing'>;

export interface Recovered {
  readonly tail: Tail;
  /** The last line lacks its newline: what follows begins another. */
  readonly isCutLine: boolean;
  /** Told in a record of its own; undefined where nothing was amiss. */
  readonly told: RecoveryNote | undefined;
}

/**
 * `torn_write`: a process died while it wrote. `head_behind`: the log had records that the head did not know, as after
 * a power cut. `head_missing`: there was none that is ours. `records_missing`: the log ends before the last record that
 * is known to have been there; it goes on behind the gap, which stays to be seen.
 */
export interface RecoveryNote {
  readonly reason: 'torn_write' | 'head_behind' | 'head_missing' | 'records_missing';
  /** Records that were in the log and not in the head. */
  readonly adopted: number;
  /** Written behind the last record, and no record. */
  readonly cut_bytes: number;
}

const EMPTY: Tail = { seq: 0, hash: NO_HASH, file: '', bytes: 0, checkpoint: 0 };

/** Brings log and head together, for the one who may write. `head` is undefined where it is missing or not ours. */
export async function recoverTail(
  files: Files,
  folder: string,
  keys: AuditKeys,
  head: Head | undefined,
): Promise<Recovered> {
  const known = head === undefined ? fromLog(folder, keys) : tailOf(head);
  const sizeBytes = known.file === '' ? 0 : ((await files.stat(`${folder}/${known.file}`))?.sizeBytes ?? 0);
  const isShort = sizeBytes < known.bytes;
  const { tail, adopted, garbage } = adopt(folder, keys, {
    ...known,
    bytes: Math.min(known.bytes, sizeBytes),
  });
  const cutBytes = garbage === undefined || isShort ? 0 : await cut(files, folder, garbage, tail.seq);
  const reason = (): RecoveryNote['reason'] | undefined => {
    if (isShort || known.isMissing) return 'records_missing';
    if (head === undefined) return known.seq > 0 ? 'head_missing' : undefined;
    if (cutBytes > 0) return 'torn_write';
    return adopted > 0 ? 'head_behind' : undefined;
  };
  const found = reason();
  const isCertain = found === undefined && head?.writing !== true;
  return {
    // A checkpoint reaches the disk before the head that tells of it.
    tail: isCertain ? tail : { ...tail, checkpoint: lastCheckpointSeq(folder, keys, tail) },
    isCutLine: isShort && tail.bytes > 0 && !endsWithNewline(`${folder}/${tail.file}`),
    told: found && { reason: found, adopted, cut_bytes: cutBytes },
  };
}

const lastCheckpointSeq = (folder: string, keys: AuditKeys, { seq, checkpoint }: Tail): number => {
  const last = lastCheckpoint(`${folder}/${CHECKPOINTS_NAME}`, keys)?.seq ?? 0;
  return last <= seq ? last : checkpoint;
};

const tailOf = ({ seq, hash, file, bytes, checkpoint }: Head): Tail & { isMissing: boolean } => ({
  seq,
  hash,
  file,
  bytes,
  checkpoint,
  isMissing: false,
});

/** The last record that is ours; where a checkpoint knows of a later one, that. */
function fromLog(folder: string, keys: AuditKeys): Tail & { readonly isMissing: boolean } {
  const checkpoint = lastCheckpoint(`${folder}/${CHECKPOINTS_NAME}`, keys);
  let last: Tail = EMPTY;
  for (const file of [...dayFiles(folder)].reverse()) {
    for (const { bytes, to, isWhole } of readLines(`${folder}/${file}`)) {
      const frame = isWhole ? openLine(bytes, keys) : undefined;
      if (frame !== undefined && frame.seq > last.seq) last = { ...frame, file, bytes: to, checkpoint: 0 };
    }
    if (last.seq > 0) break;
  }
  const { seq, hash, file, bytes } = last;
  if (checkpoint === undefined) return { seq, hash, file, bytes, checkpoint: 0, isMissing: false };
  const isMissing = checkpoint.seq > seq;
  return {
    seq: Math.max(seq, checkpoint.seq),
    hash: isMissing ? checkpoint.hash : hash,
    file,
    bytes,
    checkpoint: checkpoint.seq,
    isMissing,
  };
}

interface Garbage {
  readonly file: string;
  readonly from: number;
}

/** Goes on over records behind the tail: they were written, and perhaps their requests were answered. */
function adopt(
  folder: string,
  keys: AuditKeys,
  from: Tail,
): { readonly tail: Tail; readonly adopted: number; readonly garbage: Garbage | undefined } {
  let tail = from;
  let adopted = 0;
  for (const file of dayFiles(folder)) {
    if (file < from.file) continue;
    for (const line of readLines(`${folder}/${file}`, file === from.file ? from.bytes : 0)) {
      const frame = line.isWhole ? openLine(line.bytes, keys) : undefined;
      if (frame?.seq !== tail.seq + 1 || frame.prev !== tail.hash)
        return { tail, adopted, garbage: { file, from: line.from } };
      tail = { ...tail, seq: frame.seq, hash: frame.hash, file, bytes: line.to };
      adopted++;
    }
  }
  return { tail, adopted, garbage: undefined };
}

/** What is cut is kept beside the log where it is more than a line that was not finished: nobody here wrote that. */
async function cut(files: Files, folder: string, { file, from }: Garbage, seq: number): Promise<number> {
  const path = `${folder}/${file}`;
  const bytes = readFileSync(path).subarray(from);
  if (bytes.includes(0x0a)) await files.write(`${path}.cut-${seq}`, bytes, 0o600);
  const opened = await files.append(path);
  try {
    await opened.truncate(from);
    await opened.sync();
  } finally {
    await opened.close();
  }
  return bytes.length;
}

function endsWithNewline(path: string): boolean {
  return readFileSync(path).at(-1) === 0x0a;
}
