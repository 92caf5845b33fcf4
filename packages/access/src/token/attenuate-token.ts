import {
  type Attenuated,
  type Attenuation,
  type Attenuator,
  HakiriError,
  parsePredicate,
} from '@hakiri/core';
import {
  appendSigned,
  BLOCK_VERSION,
  type Block,
  createSymbols,
  type Envelope,
  keyPairOf,
  MAX_BLOCKS,
  THIRD_PARTY_BLOCK_VERSION,
  tooLarge,
  verifyLinks,
  writeBlock,
} from '../biscuit/index.ts';
import type { TokenClaims } from './claims.ts';
import { tokenText } from './issue-token.ts';
import { openBlocks, readToken } from './open-token.ts';
import { fact, restrictionFacts, timeChecks } from './write-facts.ts';

/** @throws HakiriError token.widens, token.invalid, token.too_large, predicate.invalid */
export function attenuateToken(token: string, blocks: readonly Attenuation[]): Attenuated {
  let envelope = readToken(token);
  verifyLinks(envelope);
  for (const block of blocks) envelope = withBlock(envelope, block);
  return { token: tokenText(envelope), expiresAtMs: openBlocks(envelope).claims.expiresAtMs };
}

export const attenuator: Attenuator = {
  attenuate: async (token, blocks) => attenuateToken(token, blocks),
};

/**
 * Passes the proof of possession on to another key.
 * @param seed of the Ed25519 key that the token asks for now; 32 secret bytes
 * @param proofKey RFC 7638 thumbprint of the key that it asks for from now on
 * @throws HakiriError token.widens where it is not that key; token.invalid, token.too_large
 */
export function passProofOn(token: string, seed: Uint8Array, proofKey: string): Attenuated {
  const envelope = readToken(token);
  verifyLinks(envelope);
  const block: Block = { facts: [fact('cnf_jkt', proofKey)], checks: [] };
  const payload = writeBlock(block, THIRD_PARTY_BLOCK_VERSION, createSymbols());
  const passed = checked(appendSigned(roomFor(envelope), payload, keyPairOf(seed)));
  return { token: tokenText(passed), expiresAtMs: openBlocks(passed).claims.expiresAtMs };
}

function withBlock(envelope: Envelope, attenuation: Attenuation): Envelope {
  const { claims, symbols } = openBlocks(roomFor(envelope));
  for (const { predicate } of attenuation.rows) parsePredicate(predicate);
  refuseWider(claims, attenuation);
  const { delegate } = attenuation;
  const block: Block = {
    facts: [...restrictionFacts(attenuation), ...(delegate === undefined ? [] : [delegateFact(delegate)])],
    checks: timeChecks(attenuation),
  };
  if (block.facts.length + block.checks.length === 0) {
    throw new HakiriError('usage.argument', 'There is nothing to take away from the token');
  }
  return checked(appendSigned(envelope, writeBlock(block, BLOCK_VERSION, symbols)));
}

function delegateFact({ agent, task }: NonNullable<Attenuation['delegate']>) {
  return task === undefined ? fact('delegate', agent) : fact('delegate', agent, task);
}

function roomFor(envelope: Envelope): Envelope {
  if (envelope.blocks.length === MAX_BLOCKS) throw tooLarge(`more than ${MAX_BLOCKS} blocks`);
  return envelope;
}

/** What was made can be read again: what nobody may say is told to whoever says it, not to whoever it is given to. */
function checked(envelope: Envelope): Envelope {
  openBlocks(envelope);
  return envelope;
}

/** All blocks hold together, so nothing here could widen anything: it would only be a surprise. */
function refuseWider(claims: TokenClaims, { tables, expiresAtMs }: Attenuation): void {
  if (expiresAtMs !== undefined && expiresAtMs > (claims.expiresAtMs ?? Number.POSITIVE_INFINITY)) {
    throw new HakiriError('token.widens', 'The token expires sooner than that');
  }
  const stranger = tables?.find((table) => !isLeft(claims, table));
  if (stranger !== undefined) {
    throw new HakiriError('token.widens', `The token gives no right on ${stranger}`, {
      details: { table: stranger },
    });
  }
}

function isLeft({ rights, blocks }: TokenClaims, table: string): boolean {
  const names = (name: string): boolean => name === '*' || table === '*' || name === table;
  return (
    rights.some((right) => right.action !== 'run' && names(right.table)) &&
    blocks.every(({ restrictions: { tables } }) => tables === undefined || tables.some(names))
  );
}
