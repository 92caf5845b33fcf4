/** Who asks. What the issuer said, and what each holder said of whom it passed the token on to. */
export interface Principal {
  readonly agent: string;
  readonly host?: string;
  readonly onBehalfOf?: string;
  readonly task?: string;
  /** Self-asserted by holders, in their order: recorded, and deciding nothing. */
  readonly delegates: readonly { readonly agent: string; readonly task?: string }[];
}

export const ACTIONS = ['read', 'search', 'aggregate', 'write', 'run'] as const;
/** `read` gives rows and includes `aggregate`; `search` lets a search run; `write` is for memory; `run` for pipelines. */
export type Action = (typeof ACTIONS)[number];

/** What one may do with a table or, for `run`, a pipeline; `*` is all of them. */
export interface Right {
  readonly table: string;
  readonly action: Action;
}

export const COLUMN_ACTIONS = ['deny', 'redact', 'hash', 'tokenize', 'mask'] as const;
/** What is left of a column, the strongest first: of several on one column the first in this order wins. */
export type ColumnAction = (typeof COLUMN_ACTIONS)[number];

/** What one block of a token takes away. All blocks hold together. */
export interface Restrictions {
  /** Tables it is left to; undefined: all. */
  readonly tables?: readonly string[];
  /** Zones the caller has to be in, each exact or with a star at the end; undefined: anywhere. */
  readonly zones?: readonly string[];
  /** In the predicate language, over the table as the blocks before left it. */
  readonly rows: readonly { readonly table: string; readonly predicate: string }[];
  /** Allow lists. */
  readonly columns: readonly { readonly table: string; readonly names: readonly string[] }[];
  readonly actions: readonly {
    readonly table: string;
    readonly column: string;
    readonly action: ColumnAction;
  }[];
  readonly minGroups: readonly { readonly table: string; readonly rows: number }[];
}

/** What a caller may do, before the manifest's policies are looked at. */
export interface Grant {
  /** `agent` of the principal: the author of what it writes. */
  readonly subject: string;
  readonly principal: Principal;
  readonly rights: readonly Right[];
  /** Of each block, the authority's first; what a session adds last. */
  readonly restrictions: readonly Restrictions[];
  /** Where the caller's model runs; undefined where nobody said: then nothing that is tagged is served. */
  readonly zone: string | undefined;
  /** Passes the manifest's policies and zones by. Never of a token. */
  readonly asOwner: boolean;
  /** Revocation ids in hex, of each block; empty without a token. */
  readonly tokenIds: readonly string[];
  /** Unix milliseconds; undefined: never. */
  readonly expiresAtMs: number | undefined;
  /** Over principal, rights, restrictions and zone: whoever has the same sees the same. */
  readonly digest: string;
  /** How the request came: `cli`, `mcp`, `http`. Goes into the audit. */
  readonly via?: string;
  /** W3C trace context of the request. Goes into the audit. */
  readonly traceparent?: string;
}

export const EVERYTHING: readonly Right[] = ACTIONS.map((action) => ({ table: '*', action }));

/** Whoever can read the project's key, at its own command line. The manifest's policies hold for it, too. */
export const OWNER_GRANT: Grant = {
  subject: 'owner',
  principal: { agent: 'owner', delegates: [] },
  rights: EVERYTHING,
  restrictions: [],
  zone: 'local:device',
  asOwner: false,
  tokenIds: [],
  expiresAtMs: undefined,
  digest: 'owner',
  via: 'cli',
};

/** The owner, passing every policy by: only when asked by name. */
export const AS_OWNER_GRANT: Grant = { ...OWNER_GRANT, asOwner: true, digest: 'as-owner' };

/** Whether the rights hold this one. Says nothing of restrictions: see `TablePolicy`. */
export function hasRight({ rights }: Pick<Grant, 'rights'>, table: string, action: Action): boolean {
  return rights.some(
    (right) =>
      (right.table === '*' || right.table === table) &&
      (right.action === action || (action === 'aggregate' && right.action === 'read')),
  );
}

/** Whoever is left to tables runs nothing: a pipeline is none. */
export function mayRun(grant: Pick<Grant, 'rights' | 'restrictions'>, pipeline: string): boolean {
  return hasRight(grant, pipeline, 'run') && grant.restrictions.every(isLeftToAll);
}

/** Whether a block leaves its holder every table. */
export function isLeftToAll({ tables }: Pick<Restrictions, 'tables'>): boolean {
  return tables === undefined || tables.includes('*');
}

/** Lets callers in. Implemented by `access`, called by transports. */
export interface Gatekeeper {
  /** @throws HakiriError token.* */
  authenticate(credentials: Credentials): Promise<Grant>;
}

export interface Credentials {
  readonly token: string;
  /** What came with it over HTTP, where the token asks for proof of possession. */
  readonly proof?: ProofOfPossession;
}

/** RFC 9449. */
export interface ProofOfPossession {
  /** The `DPoP` header; undefined where there was none. */
  readonly jwt: string | undefined;
  readonly method: string;
  /** Without query and fragment. */
  readonly url: string;
}

/** Passes a token on with less. Implemented by `access`; needs no key. */
export interface Attenuator {
  /**
   * A new token that holds what the given one does and every block of restrictions after it.
   * @throws HakiriError token.widens, token.invalid, token.too_large, policy.invalid
   */
  attenuate(token: string, blocks: readonly Attenuation[]): Promise<Attenuated>;
}

/** What one block takes away. */
export interface Attenuation extends Restrictions {
  /** Unix milliseconds; what the token says before when undefined. */
  readonly expiresAtMs?: number;
  /** Whom it is passed on to: self-asserted, recorded, and deciding nothing. */
  readonly delegate?: { readonly agent: string; readonly task?: string };
}

export interface Attenuated {
  readonly token: string;
  /** Of the whole token, unix milliseconds; undefined: never. */
  readonly expiresAtMs: number | undefined;
}

export const NO_RESTRICTIONS: Restrictions = { rows: [], columns: [], actions: [], minGroups: [] };

/** Zones that an incognito session is left to. */
export const INCOGNITO_ZONES: readonly string[] = ['local:*', 'on-prem:*'];

/** The same grant, refused wherever the caller is in no zone of the own house. */
export function incognito(grant: Grant): Grant {
  return {
    ...grant,
    restrictions: [...grant.restrictions, { ...NO_RESTRICTIONS, zones: INCOGNITO_ZONES }],
    digest: `${grant.digest}+incognito`,
  };
}
