import { createHash, createHmac } from 'node:crypto';

/** 128 bits of SHA-256, in hex: enough to tell records or addresses of one source apart. */
export function digest(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}

/** The same with a key, where there is one: of records that are kept in cursors, and hold what nobody may guess. */
export function keyedDigest(content: Uint8Array, key: Uint8Array | undefined): string {
  if (key === undefined) return digest(content);
  return createHmac('sha256', key).update(content).digest('hex').slice(0, 32);
}
