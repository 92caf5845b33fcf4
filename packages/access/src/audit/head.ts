import { closeSync, constants, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import type { AuditKeys } from './audit-keys.ts';

/** Where the log ends. Makes a cut tail visible, and spares reading the log to go on with it. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
  /** Name of the day's file; empty before the first record. */
  readonly file: string;
  /** Of that file. */
  readonly bytes: number;
  /** Greatest sequence of a checkpoint; 0 for none. */
  readonly checkpoint: number;
  /** Somebody began to write behind `bytes` and has not said how it went. */
  readonly writing: boolean;
}

/** One sector: it is replaced at once, without a temporary file. */
const HEAD_BYTES = 512;

export interface HeadFile {
  /** As it is; to be compared with what was written last. */
  raw(): string;
  write(text: string): void;
  sync(): void;
  close(): void;
}

/**
 * Written in place after each flush and itself flushed with checkpoints only: the log is the truth, and a head that a
 * power cut set back is told from it.
 */
export function openHead(path: string): HeadFile {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  const bytes = Buffer.alloc(HEAD_BYTES);
  return {
    raw: () => bytes.toString('utf8', 0, readSync(file, bytes, 0, HEAD_BYTES, 0)),
    write(text) {
      writeSync(file, text, 0, 'utf8');
    },
    sync: () => fsyncSync(file),
    close: () => closeSync(file),
  };
}

export function headText(node: string, head: Head, keys: AuditKeys): string {
  const text = JSON.stringify({ v: 1, node, ...head }).slice(0, -1);
  return `${`${text},"mac":"${keys.seal('head', text)}"}`.padEnd(HEAD_BYTES - 1)}\n`;
}

/** Undefined for what is no head of this node's log. */
export function parseHead(raw: string, node: string, keys: AuditKeys | undefined): Head | undefined {
  const [, text = '', mac] = /^(\{.*),"mac":"([0-9a-f]{32})"\} *\n$/.exec(raw) ?? [];
  if (mac === undefined || (keys !== undefined && keys.seal('head', text) !== mac)) return undefined;
  try {
    const {
      node: of,
      seq,
      hash,
      file,
      bytes,
      checkpoint,
      writing,
    } = JSON.parse(`${text}}`) as Head & { node: string };
    if (of !== node) return undefined;
    return { seq, hash, file, bytes, checkpoint, writing };
  } catch {
    return undefined;
  }
}
