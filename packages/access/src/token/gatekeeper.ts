import { createHash } from 'node:crypto';
import { type Clock, type Gatekeeper, type Grant, HakiriError } from '@hakiri/core';
import { verifyChain } from '../biscuit/index.ts';
import type { TokenClaims } from './claims.ts';
import { createProofChecker } from './dpop.ts';
import { grantOf } from './grant-of.ts';
import { claimsOf, readToken } from './open-token.ts';
import type { Revocations } from './revocations.ts';
import { parsePublicKey } from './signing-key.ts';
import { steadyNow } from './steady-clock.ts';

/** Tokens whose signatures are remembered. */
const MAX_CACHED = 1000;

export interface GatekeeperOptions {
  /** Of the project, as the manifest has them now: `ed25519/<hex>`. */
  readonly publicKeys: () => readonly string[];
  readonly clock: Clock;
  readonly revocations: Pick<Revocations, 'isRevoked'>;
}

/** A token that holds, proof of possession apart. */
export interface VerifiedToken {
  readonly grant: Grant;
  readonly claims: TokenClaims;
}

export interface TokenGatekeeper extends Gatekeeper {
  /**
   * All of it but proof of possession: for those who ask about a token and not with it.
   * @throws HakiriError token.*
   */
  verify(token: string): VerifiedToken;
}

/**
 * Lets callers in by their tokens. Signatures and what a token says are remembered; whether the key is still the
 * project's, times, revocation and proof are looked at each time. A refusal costs no more than the token's size.
 */
export function createGatekeeper({ publicKeys, clock, revocations }: GatekeeperOptions): TokenGatekeeper {
  const nowMs = steadyNow(clock);
  const proofs = createProofChecker(nowMs);
  const cache = new Map<string, Opened>();

  function open(token: string): Opened {
    const digest = createHash('sha256').update(token).digest('base64');
    const known = cache.get(digest);
    cache.delete(digest);
    const keys = publicKeys();
    // A key that was dropped takes its tokens with it.
    const opened = known !== undefined && keys.includes(known.signedWith) ? known : openToken(token, keys);
    // At the end again: the first is the one that was not asked for longest.
    cache.set(digest, opened);
    for (const [oldest] of cache) {
      if (cache.size <= MAX_CACHED) break;
      cache.delete(oldest);
    }
    return opened;
  }

  function verify(token: string): Opened {
    const opened = open(token);
    checkTimes(opened.claims, nowMs());
    if (opened.grant.tokenIds.some((id) => revocations.isRevoked(id))) {
      throw new HakiriError('token.revoked', 'The token, or one that it was made from, was revoked');
    }
    return opened;
  }

  return {
    verify,
    async authenticate({ token, proof }) {
      if (token === '') throw new HakiriError('token.missing', 'There is no token');
      const { grant, claims } = verify(token);
      if (claims.proofKey !== undefined) proofs.check(proof, token, claims.proofKey);
      return grant;
    },
  };
}

interface Opened extends VerifiedToken {
  /** The key of the project. */
  readonly signedWith: string;
}

function openToken(token: string, publicKeys: readonly string[]): Opened {
  const envelope = readToken(token);
  const root = verifyChain(envelope, publicKeys.map(parsePublicKey));
  const claims = claimsOf(envelope);
  return {
    claims,
    grant: grantOf(envelope, claims),
    signedWith: `ed25519/${Buffer.from(root).toString('hex')}`,
  };
}

function checkTimes({ notBeforeMs, expiresAtMs }: TokenClaims, nowMs: number): void {
  if (expiresAtMs !== undefined && nowMs > expiresAtMs) {
    throw new HakiriError('token.expired', `The token expired at ${new Date(expiresAtMs).toISOString()}`);
  }
  if (notBeforeMs !== undefined && nowMs < notBeforeMs) {
    throw new HakiriError(
      'token.not_yet_valid',
      `The token holds from ${new Date(notBeforeMs).toISOString()}`,
    );
  }
}
