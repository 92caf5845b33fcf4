import { createHmac, hash } from 'node:crypto';
import type { JsonValue } from '@hakiri/core';

/** Characters of a key's digest: 132 bits in base64url. */
export const KEY_DIGEST_CHARS = 22;

/** `plan`: a digest of a request, of which nobody without the key is to try what it asked for. */
type SealKind = 'record' | 'head' | 'checkpoint' | 'plan';

/** What the log is sealed with, made from the "audit" subkey of the project's pseudonym key. */
export interface AuditKeys {
  /** 32 hex characters: whoever lacks the key can make no line, head or checkpoint that is taken for ours. */
  seal(kind: SealKind, content: string): string;
  /** Stands for a row: the same row gives the same, and nobody without the key can try values. */
  keyDigest(table: string, key: readonly JsonValue[]): string;
}

/**
 * A keyed digest is SHA-256 over a secret of 32 bytes and the message, cut to about half: cut, it cannot be extended,
 * and costs a third of HMAC, which counts with twenty keys an answer. The secrets themselves come from HMAC.
 */
export function auditKeys(subkey: Uint8Array): AuditKeys {
  const secret = (label: string): Buffer => createHmac('sha256', subkey).update(label).digest();
  const seals: Readonly<Record<SealKind, Buffer>> = {
    record: secret('record'),
    head: secret('head'),
    checkpoint: secret('checkpoint'),
    plan: secret('plan'),
  };
  const tables = new Map<string, Buffer>();
  let scratch = Buffer.alloc(1024);

  const digest = (key: Buffer, message: string, encoding: 'hex' | 'base64url'): string => {
    const most = 32 + message.length * 3;
    if (scratch.length < most) scratch = Buffer.alloc(most * 2);
    key.copy(scratch);
    return hash('sha256', scratch.subarray(0, 32 + scratch.write(message, 32)), encoding);
  };

  return {
    seal: (kind, content) => digest(seals[kind], content, 'hex').slice(0, 32),
    keyDigest(table, key) {
      let secretOfTable = tables.get(table);
      if (secretOfTable === undefined) {
        secretOfTable = secret(`rows\0${table}`);
        tables.set(table, secretOfTable);
      }
      return digest(secretOfTable, keyText(key), 'base64url').slice(0, KEY_DIGEST_CHARS);
    },
  };
}

/** 4711 and "4711" are one key: a column has one type, and whoever asks need not know which. */
function keyText(key: readonly JsonValue[]): string {
  return JSON.stringify(key.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))));
}
