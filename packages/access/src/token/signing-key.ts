import { HakiriError } from '@hakiri/core';
import { type KeyPair, keyPairOf } from '../biscuit/index.ts';

/** What a project's tokens are signed with. */
export interface SigningKey {
  readonly pair: KeyPair;
  /** As `public_keys` of the manifest has it. */
  readonly publicKey: string;
}

const PUBLIC_KEY = /^ed25519\/([0-9a-f]{64})$/;

/** @param seed 32 secret bytes */
export function signingKeyOf(seed: Uint8Array): SigningKey {
  const pair = keyPairOf(seed);
  return { pair, publicKey: `ed25519/${Buffer.from(pair.publicKey).toString('hex')}` };
}

/** @param text `ed25519/` and 64 hex digits. @throws HakiriError manifest.wrong_type */
export function parsePublicKey(text: string): Uint8Array {
  const hex = PUBLIC_KEY.exec(text)?.[1];
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  throw new HakiriError('manifest.wrong_type', `"${text}" is not a public key: ed25519/ and 64 hex digits`);
}
