import { hash } from 'node:crypto';
import type { AuditKeys } from './audit-keys.ts';

/** `,"hash":"<64>","mac":"<32>"}` */
const SEAL_BYTES = 9 + 64 + 9 + 32 + 2;
/** What the first record has for the hash before it. */
export const NO_HASH = '0'.repeat(64);
/** A record with its newline; more keys than fit is an error, not a record in part. */
export const MAX_LINE_BYTES = 16_000_000;

const FRAME =
  /^\{"v":1,"seq":(\d{1,15}),"at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","prev":"([0-9a-f]{64})"[,}]/;
/** Of `FRAME`, in bytes. */
const MOST_FRAME = 160;

/** What chains a record to those before it. */
export interface Frame {
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly prev: string;
  readonly hash: string;
}

/**
 * A record as it stands in the file, without its newline. `members` is the inside of a JSON object. The hash is
 * SHA-256 over the line without `hash` and `mac`; `mac` says that the hash is ours.
 */
export function sealLine(
  { seq, at, prev }: Omit<Frame, 'hash'>,
  members: string,
  keys: AuditKeys,
): { readonly line: string; readonly hash: string } {
  const open = `{"v":1,"seq":${seq},"at":"${at}","prev":"${prev}",${members}`;
  const sum = hash('sha256', `${open}}`, 'hex');
  return { line: `${open},"hash":"${sum}","mac":"${keys.seal('record', sum)}"}`, hash: sum };
}

/**
 * The frame of a line (without its newline) that is whole and unchanged; undefined for any other. Without keys a line
 * that somebody else made is not told from ours.
 */
export function openLine(line: Buffer, keys: AuditKeys | undefined): Frame | undefined {
  const end = line.length - SEAL_BYTES;
  if (end < 0) return undefined;
  const seal = line.toString('latin1', end);
  if (!seal.startsWith(',"hash":"') || !seal.startsWith('","mac":"', 73) || !seal.endsWith('"}'))
    return undefined;
  const frame = FRAME.exec(line.toString('latin1', 0, Math.min(end, MOST_FRAME)));
  const [, seq = '', at = '', prev = ''] = frame ?? [];
  if (frame === null) return undefined;
  const stated = seal.slice(9, 73);
  line[end] = 0x7d;
  const sum = hash('sha256', line.subarray(0, end + 1), 'hex');
  line[end] = 0x2c;
  if (sum !== stated) return undefined;
  if (keys !== undefined && keys.seal('record', sum) !== seal.slice(82, 114)) return undefined;
  return { seq: Number(seq), at, prev, hash: sum };
}
