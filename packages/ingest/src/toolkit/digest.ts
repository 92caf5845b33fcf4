import { createHash } from 'node:crypto';

/** 128 bits of SHA-256, in hex: enough to tell records or addresses of one source apart. */
export function digest(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}
