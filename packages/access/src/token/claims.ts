import type { Principal, Restrictions, Right } from '@hakiri/core';

/** What a token says, its blocks' restrictions apart. */
export interface TokenClaims {
  readonly principal: Principal;
  /** Where the caller's model runs. */
  readonly zone: string | undefined;
  readonly rights: readonly Right[];
  /** The authority's first. */
  readonly blocks: readonly BlockClaims[];
  /** Unix milliseconds; of all blocks together. */
  readonly notBeforeMs: number | undefined;
  /** Unix milliseconds, the last one at which it holds; undefined: forever. */
  readonly expiresAtMs: number | undefined;
  /** RFC 7638 thumbprint of the key whose possession has to be proven. */
  readonly proofKey: string | undefined;
}

export interface BlockClaims {
  readonly restrictions: Restrictions;
  readonly notBeforeMs: number | undefined;
  readonly expiresAtMs: number | undefined;
  readonly delegate: { readonly agent: string; readonly task?: string } | undefined;
  /** From here on this key has to be proven. */
  readonly proofKey: string | undefined;
}
