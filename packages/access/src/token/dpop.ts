import { createHash, verify } from 'node:crypto';
import { HakiriError, type ProofOfPossession } from '@hakiri/core';
import { type PublicJwk, parsePublicJwk, publicKeyOf, thumbprintOf } from './thumbprint.ts';

/** Longer ones are not read. Characters. */
const MAX_PROOF = 4096;
/** How long after it was made a proof is taken, and how far the caller's clock may be ahead. Milliseconds. */
const MAX_AGE_MS = 60_000;
const MAX_AHEAD_MS = 5_000;
/** Proofs that are remembered: more of them within a minute are refused. */
const MAX_REMEMBERED = 200_000;
const MAX_JTI = 256;

/** Checks proofs of possession (RFC 9449), each good for one request. */
export interface ProofChecker {
  /**
   * @param token as it was sent
   * @param thumbprint RFC 7638, of the key that the token names
   * @throws HakiriError token.proof
   */
  check(proof: ProofOfPossession | undefined, token: string, thumbprint: string): void;
}

/** @param nowMs Unix milliseconds that never go back. What was proven before now is not known, and is refused. */
export function createProofChecker(nowMs: () => number): ProofChecker {
  const startedMs = nowMs();
  /** Proofs by their keys and ids, and until when they could be used again; the oldest first. */
  const seen = new Map<string, number>();

  function remember(thumbprint: string, jti: string, now: number): void {
    for (const [id, untilMs] of seen) {
      if (untilMs >= now) break;
      seen.delete(id);
    }
    const id = createHash('sha256').update(`${thumbprint}.${jti}`).digest('base64url');
    if (seen.has(id)) throw refused('it was used before');
    if (seen.size >= MAX_REMEMBERED) throw refused('there were too many within a minute');
    seen.set(id, now + MAX_AGE_MS + MAX_AHEAD_MS);
  }

  return {
    check(proof, token, thumbprint) {
      if (proof?.jwt === undefined) throw refused('there is none');
      const { header, claims, signed, signature } = parseProof(proof.jwt);
      const jwk = parsePublicJwk(header.jwk);
      if (jwk === undefined || thumbprintOf(jwk) !== thumbprint) throw refused('it is of another key');
      if (header.typ !== 'dpop+jwt') throw refused('it is of another type');
      if (!algorithms(jwk).includes(String(header.alg))) throw refused('its algorithm does not fit its key');
      if (header.crit !== undefined) throw refused('it asks for more than is known');
      if (claims.htm !== proof.method) throw refused('it is for another method');
      if (addressOf(claims.htu) !== addressOf(proof.url)) throw refused('it is for another address');
      const now = nowMs();
      checkTime(claims.iat, now, startedMs);
      const ath = createHash('sha256').update(token).digest('base64url');
      if (claims.ath !== ath) throw refused('it is for another token');
      const { jti } = claims;
      if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI) throw refused('it has no id');
      if (!isSigned(jwk, signed, signature)) throw refused('its signature does not hold');
      remember(thumbprint, jti, now);
    },
  };
}

function checkTime(iat: unknown, now: number, startedMs: number): void {
  if (typeof iat !== 'number' || !Number.isFinite(iat)) throw refused('it does not say when it was made');
  const madeMs = iat * 1000;
  if (madeMs < now - MAX_AGE_MS) throw refused('it is too old');
  if (madeMs > now + MAX_AHEAD_MS) throw refused('it was made in the future');
  if (madeMs < startedMs) throw refused('it was made before this process started');
}

interface Proof {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

function parseProof(jwt: string): Proof {
  const [header, claims, signature, more] = jwt.length > MAX_PROOF ? [] : jwt.split('.');
  if (header === undefined || claims === undefined || signature === undefined || more !== undefined) {
    throw refused('it is not a signed token in three parts');
  }
  return {
    header: readPart(header),
    claims: readPart(claims),
    signed: Buffer.from(`${header}.${claims}`, 'ascii'),
    signature: bytesOf(signature),
  };
}

function readPart(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytesOf(part)).toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {}
  throw refused('a part of it is not JSON');
}

function bytesOf(part: string): Uint8Array {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part)
    throw refused('a part of it is not base64 of the kind for addresses');
  return bytes;
}

function algorithms({ kty }: PublicJwk): readonly string[] {
  return kty === 'EC' ? ['ES256'] : ['EdDSA', 'Ed25519'];
}

function isSigned(jwk: PublicJwk, signed: Uint8Array, signature: Uint8Array): boolean {
  try {
    return jwk.kty === 'EC'
      ? verify('sha256', signed, { key: publicKeyOf(jwk), dsaEncoding: 'ieee-p1363' }, signature)
      : verify(null, signed, publicKeyOf(jwk), signature);
  } catch {
    return false;
  }
}

/** In one form, without query and fragment. */
function addressOf(text: unknown): string {
  const url = typeof text === 'string' ? URL.parse(text) : null;
  if (url === null) throw refused('it names no address');
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** @param why says nothing of the token */
function refused(why: string): HakiriError {
  return new HakiriError('token.proof', `The proof of possession does not hold: ${why}`);
}
