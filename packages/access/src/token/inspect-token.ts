import { verifyLinks } from '../biscuit/index.ts';
import type { TokenClaims } from './claims.ts';
import { blockId, claimsOf, readToken } from './open-token.ts';

export interface InspectedToken {
  readonly claims: TokenClaims;
  /** Revocation ids in hex, the authority's first. */
  readonly ids: readonly string[];
  /** Nothing can be added to it any more. */
  readonly isSealed: boolean;
}

/**
 * What a token says, without a key: whether the project signed it is not known.
 * @throws HakiriError token.invalid, token.widens, token.too_large
 */
export function inspectToken(token: string): InspectedToken {
  const envelope = readToken(token);
  verifyLinks(envelope);
  return {
    claims: claimsOf(envelope),
    ids: envelope.blocks.map(blockId),
    isSealed: envelope.proof.kind === 'sealed',
  };
}
