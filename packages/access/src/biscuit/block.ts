/** What a block says, of what can be read here: facts, and checks of the time. No rules, no scopes, no variables. */
export interface Block {
  readonly facts: readonly Fact[];
  readonly checks: readonly TimeCheck[];
}

export interface Fact {
  readonly name: string;
  readonly terms: readonly Term[];
}

export type Term =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'texts'; readonly texts: readonly string[] };

/** `check if time($t), $t <= DATE, ...`: all comparisons have to hold. */
export type TimeCheck = readonly TimeBound[];

export interface TimeBound {
  readonly op: '<' | '>' | '<=' | '>=';
  /** Seconds since 1970 UTC. */
  readonly seconds: number;
}

/** In the order of their numbers in the format. */
export const TIME_OPS: readonly TimeBound['op'][] = ['<', '>', '<=', '>='];

/** Of a block that the holder of the token adds. */
export const BLOCK_VERSION = 3;
/** Of a block that somebody else signed. */
export const THIRD_PARTY_BLOCK_VERSION = 5;

/** Facts and checks of a block, and of a token: more than that restrict more than anybody needs. */
export const MAX_STATEMENTS = 512;
