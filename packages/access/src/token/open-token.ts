import {
  createSymbols,
  type Envelope,
  fromText,
  readBlock,
  readEnvelope,
  type SignedBlock,
  type Symbols,
} from '../biscuit/index.ts';
import type { TokenClaims } from './claims.ts';
import { type OpenedBlock, readClaims } from './read-claims.ts';
import { thumbprintOfEd25519 } from './thumbprint.ts';

/** The revocation id of a block, in hex: its signature. */
export const blockId = ({ signature }: SignedBlock): string => Buffer.from(signature).toString('hex');

/** @throws HakiriError token.invalid, token.too_large */
export function readToken(text: string): Envelope {
  return readEnvelope(fromText(text));
}

/**
 * What the blocks say. Whoever wants to rely on it verifies the signatures first.
 * @throws HakiriError token.invalid, token.widens, token.too_large
 */
export function claimsOf(envelope: Envelope): TokenClaims {
  return openBlocks(envelope).claims;
}

/** With the symbols that the next block may use. */
export function openBlocks({ blocks }: Envelope): {
  readonly claims: TokenClaims;
  readonly symbols: Symbols;
} {
  const symbols = createSymbols();
  const opened = blocks.map(({ payload, external }): OpenedBlock => {
    if (external === undefined) return { ...readBlock(payload, symbols), signedBy: undefined };
    const signedBy = thumbprintOfEd25519(external.publicKey);
    return { ...readBlock(payload, createSymbols()), signedBy };
  });
  return { claims: readClaims(opened), symbols };
}
