import { createPublicKey, verify } from 'node:crypto';
import type { AuditKeys } from './audit-keys.ts';
import { readLines } from './read-lines.ts';

/** Says that the log reached a record. A copy kept elsewhere shows that a log was cut, whoever cut it. */
export interface Checkpoint {
  readonly node: string;
  readonly seq: number;
  /** Of the record `seq`. */
  readonly hash: string;
  readonly at: string;
  /** Sequence of the checkpoint before; 0 for the first. */
  readonly after: number;
  /** `ed25519/<hex>`; undefined where the project had no signing key here. */
  readonly publicKey: string | undefined;
}

/** The project's signing key. */
export interface AuditSigner {
  /** `ed25519/<hex>` */
  readonly publicKey: string;
  /** Ed25519, 64 bytes. */
  sign(content: Uint8Array): Uint8Array;
}

const PURPOSE = 'hakiri audit checkpoint 1\n';

export function checkpointLine(
  facts: Omit<Checkpoint, 'publicKey'>,
  keys: AuditKeys,
  signer: AuditSigner | undefined,
): string {
  const unsigned = JSON.stringify({
    v: 1,
    ...facts,
    ...(signer === undefined ? {} : { public_key: signer.publicKey }),
  });
  const signature = signer && Buffer.from(signer.sign(Buffer.from(PURPOSE + unsigned))).toString('hex');
  const signed = unsigned.slice(0, -1) + (signature === undefined ? '' : `,"signature":"${signature}"`);
  return `${signed},"mac":"${keys.seal('checkpoint', signed)}"}`;
}

const LINE = /^((\{"v":1,.*?)(?:,"signature":"([0-9a-f]{128})")?),"mac":"([0-9a-f]{32})"\}$/;

/** Undefined for a line that is changed, that nobody signed who may (`trusted`, any key where undefined), or no checkpoint. */
export function openCheckpoint(
  line: string,
  keys: AuditKeys | undefined,
  trusted?: readonly string[],
): Checkpoint | undefined {
  const [, signed = '', unsigned = '', signature, mac] = LINE.exec(line) ?? [];
  if (mac === undefined || (keys !== undefined && keys.seal('checkpoint', signed) !== mac)) return undefined;
  try {
    const {
      node,
      seq,
      hash,
      at,
      after,
      public_key: publicKey,
    } = JSON.parse(`${unsigned}}`) as Omit<Checkpoint, 'publicKey'> & { public_key?: string };
    if (publicKey !== undefined && trusted !== undefined && !trusted.includes(publicKey)) return undefined;
    if (
      publicKey !== undefined &&
      (signature === undefined || !isSigned(`${unsigned}}`, signature, publicKey))
    )
      return undefined;
    return { node, seq, hash, at, after, publicKey };
  } catch {
    return undefined;
  }
}

/** RFC 8410: what stands before the 32 bytes of an Ed25519 public key. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

function isSigned(unsigned: string, signature: string, publicKey: string): boolean {
  const raw = Buffer.from(/^ed25519\/([0-9a-f]{64})$/.exec(publicKey)?.[1] ?? '', 'hex');
  if (raw.length !== 32) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
  return verify(null, Buffer.from(PURPOSE + unsigned), key, Buffer.from(signature, 'hex'));
}

/** The newest one that is ours. */
export function lastCheckpoint(path: string, keys: AuditKeys): Checkpoint | undefined {
  let last: Checkpoint | undefined;
  for (const { bytes, isWhole } of readLines(path)) {
    const found = isWhole ? openCheckpoint(bytes.toString('utf8'), keys) : undefined;
    if (found !== undefined && found.seq >= (last?.seq ?? 0)) last = found;
  }
  return last;
}

/** Where the file of checkpoints goes on, and the record of its last line; 0 where that is none. */
export function checkpointsEnd(
  path: string,
  keys: AuditKeys,
): { readonly wholeBytes: number; readonly seq: number } {
  let line = '';
  let wholeBytes = 0;
  for (const { bytes, to, isWhole } of readLines(path)) {
    if (!isWhole) break;
    line = bytes.toString('utf8');
    wholeBytes = to;
  }
  return { wholeBytes, seq: openCheckpoint(line, keys)?.seq ?? 0 };
}
