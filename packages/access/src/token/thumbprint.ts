import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { HakiriError } from '@hakiri/core';
import { publicKeyObject } from '../biscuit/index.ts';

/** A public key as it comes in JSON (RFC 7517), of the kinds that proofs are made with. */
export type PublicJwk =
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string };

/** 32 bytes, base64url without padding. */
const COORDINATE = /^[A-Za-z0-9_-]{43}$/;

/** Undefined for anything else, and for a key that holds its secret. */
export function parsePublicJwk(value: unknown): PublicJwk | undefined {
  if (typeof value !== 'object' || value === null || 'd' in value) return undefined;
  const { kty, crv, x, y } = value as Readonly<Record<string, unknown>>;
  if (typeof x !== 'string' || !COORDINATE.test(x)) return undefined;
  if (kty === 'OKP' && crv === 'Ed25519') return { kty, crv, x };
  if (kty === 'EC' && crv === 'P-256' && typeof y === 'string' && COORDINATE.test(y))
    return { kty, crv, x, y };
  return undefined;
}

/** RFC 7638: SHA-256 over the key's required members in alphabetical order. */
export function thumbprintOf(jwk: PublicJwk): string {
  const members =
    jwk.kty === 'EC'
      ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
      : { crv: jwk.crv, kty: jwk.kty, x: jwk.x };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

/** @param key 32 bytes */
export function thumbprintOfEd25519(key: Uint8Array): string {
  return thumbprintOf({ kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key).toString('base64url') });
}

/**
 * Of a public or private key as PEM, or a public one as JWK.
 * @throws HakiriError key.invalid
 */
export function thumbprintOfKeyFile(text: string): string {
  const jwk = parsePublicJwk(readKey(text)?.export({ format: 'jwk' }));
  if (jwk !== undefined) return thumbprintOf(jwk);
  throw new HakiriError('key.invalid', 'The file holds no Ed25519 or P-256 key', {
    hint: 'Give a PEM file, or a public key as JWK.',
  });
}

function readKey(text: string): KeyObject | undefined {
  try {
    if (!text.trimStart().startsWith('{')) return createPublicKey(text);
    const jwk = parsePublicJwk(JSON.parse(text));
    return jwk && publicKeyOf(jwk);
  } catch {
    return undefined;
  }
}

/** @throws Error where the numbers are no point of the curve */
export function publicKeyOf(jwk: PublicJwk): KeyObject {
  return jwk.kty === 'OKP'
    ? publicKeyObject(Buffer.from(jwk.x, 'base64url'))
    : createPublicKey({ key: { ...jwk }, format: 'jwk' });
}
