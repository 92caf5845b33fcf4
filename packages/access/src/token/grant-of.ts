import { createHash } from 'node:crypto';
import type { Grant } from '@hakiri/core';
import type { Envelope } from '../biscuit/index.ts';
import type { TokenClaims } from './claims.ts';
import { blockId } from './open-token.ts';

export function grantOf({ blocks }: Envelope, claims: TokenClaims): Grant {
  const { principal, rights, zone, expiresAtMs } = claims;
  const restrictions = claims.blocks.map((block) => block.restrictions);
  return {
    subject: principal.agent,
    principal,
    rights,
    restrictions,
    zone,
    asOwner: false,
    tokenIds: blocks.map(blockId),
    expiresAtMs,
    digest: createHash('sha256')
      .update(JSON.stringify(sorted({ principal, rights, restrictions, zone })))
      .digest('hex'),
  };
}

/** Members in the order of their names: equal values are equal texts. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
