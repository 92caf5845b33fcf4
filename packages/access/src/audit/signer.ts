import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { AuditSigner } from './checkpoint.ts';

/** RFC 8410: what stands before the 32 bytes of a key in DER. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_BYTES = 12;

/** @param seed the 32 secret bytes of an Ed25519 key */
export function auditSigner(seed: Uint8Array): AuditSigner {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: `ed25519/${spki.subarray(SPKI_BYTES).toString('hex')}`,
    sign: (content) => sign(null, content, key),
  };
}
