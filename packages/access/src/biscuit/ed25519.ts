import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto';

/** What stands before the 32 bytes of a key in DER (RFC 8410). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface KeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes: the secret. */
  readonly seed: Uint8Array;
}

export function keyPairOf(seed: Uint8Array): KeyPair {
  return { seed, publicKey: publicBytes(createPublicKey(privateKey(seed))) };
}

export function newKeyPair(): KeyPair {
  return keyPairOf(randomBytes(32));
}

export function signBytes(seed: Uint8Array, data: Uint8Array): Uint8Array {
  return sign(null, data, privateKey(seed));
}

export function isSignedBy(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, data, publicKeyObject(publicKey), signature);
}

export function publicKeyObject(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, bytes]), format: 'der', type: 'spki' });
}

/** Of an Ed25519 key. */
export function publicBytes(key: KeyObject): Uint8Array {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
}

/** Of an Ed25519 private key. */
export function seedOf(key: KeyObject): Uint8Array {
  return key.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8.length);
}

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
}
