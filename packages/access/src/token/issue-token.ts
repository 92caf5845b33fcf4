import {
  EVERYTHING,
  HakiriError,
  LOCAL_ZONE,
  NO_RESTRICTIONS,
  parsePredicate,
  type Restrictions,
  type Right,
} from '@hakiri/core';
import {
  BLOCK_VERSION,
  type Block,
  createSymbols,
  type Envelope,
  type Fact,
  MAX_TOKEN_BYTES,
  type SignedBlock,
  signAuthority,
  tooLarge,
  toText,
  writeBlock,
  writeEnvelope,
} from '../biscuit/index.ts';
import type { TokenClaims } from './claims.ts';
import { blockId, claimsOf } from './open-token.ts';
import type { SigningKey } from './signing-key.ts';
import { fact, restrictionFacts, timeChecks } from './write-facts.ts';

/** Whom a token is for, and what it allows. */
export interface TokenRequest {
  readonly agent: string;
  readonly host?: string | undefined;
  readonly onBehalfOf?: string | undefined;
  readonly task?: string | undefined;
  /** Where the caller's model runs. */
  readonly zone?: string | undefined;
  readonly rights: readonly Right[];
  /** Without zones: those of a first block are the caller's own. */
  readonly restrictions?: Omit<Restrictions, 'zones'>;
  /** Unix milliseconds. */
  readonly notBeforeMs?: number | undefined;
  /** Unix milliseconds; undefined: it never expires. */
  readonly expiresAtMs?: number | undefined;
  /** RFC 7638 thumbprint of the key that its holder has to prove. */
  readonly proofKey?: string | undefined;
}

export interface IssuedToken {
  readonly token: string;
  /** Of its one block: revoking it ends all that is made of it. */
  readonly id: string;
  readonly claims: TokenClaims;
}

/**
 * @throws HakiriError token.invalid for names and zones that no token may hold; predicate.invalid, token.too_large
 */
export function issueToken(request: TokenRequest, key: SigningKey): IssuedToken {
  for (const { predicate } of request.restrictions?.rows ?? []) parsePredicate(predicate);
  const block: Block = {
    facts: [...subjectFacts(request), ...restrictionFacts(request.restrictions ?? NO_RESTRICTIONS)],
    checks: timeChecks(request),
  };
  const envelope = signAuthority(writeBlock(block, BLOCK_VERSION, createSymbols()), key.pair);
  const [authority] = envelope.blocks as [SignedBlock];
  return { token: tokenText(envelope), id: blockId(authority), claims: claimsOf(envelope) };
}

/** Everything that the project's policies leave, on this device, for as long as its key is in force. */
export function ownerToken(key: SigningKey): IssuedToken {
  return issueToken({ agent: 'owner', zone: LOCAL_ZONE, rights: EVERYTHING }, key);
}

/** @throws HakiriError token.too_large */
export function tokenText(envelope: Envelope): string {
  const bytes = writeEnvelope(envelope);
  if (bytes.length > MAX_TOKEN_BYTES) throw tooLarge(`more than ${MAX_TOKEN_BYTES} bytes`);
  return toText(bytes);
}

function subjectFacts(request: TokenRequest): readonly Fact[] {
  if (request.rights.length === 0) {
    throw new HakiriError('token.invalid', 'A token without a right is of no use', {
      hint: 'Name a table and an action.',
    });
  }
  const { agent, host, onBehalfOf, task, zone, rights, proofKey } = request;
  const named = { agent, host, on_behalf_of: onBehalfOf, task, zone, cnf_jkt: proofKey };
  return [
    ...Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [fact(name, value)])),
    ...rights.map(({ table, action }) => fact('right', table, action)),
  ];
}
