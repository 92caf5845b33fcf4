import {
  type AuditSink,
  type Clock,
  type Credentials,
  type Gatekeeper,
  type Grant,
  incognito,
  isHakiriError,
  OWNER_GRANT,
} from '@hakiri/core';
import type { Caller } from './caller.ts';
import { createPins } from './pins.ts';
import { createRefusals } from './refusals.ts';

/** What was shown at the start of a connection. */
export type Shown = { readonly kind: 'token'; readonly token: string } | { readonly kind: 'owner' };

/** Asked at each request of a connection: a token that was revoked since lets nobody in. */
export type Door = () => Promise<Caller>;

/** All the ways in. */
export interface Doors {
  /** For one client that stays: standard input and output, or the project's socket. */
  connection(shown: Shown, options?: { readonly incognito?: boolean }): Door;
  /** For one request over HTTP. @throws HakiriError token.*, audit.unavailable */
  request(credentials: Credentials): Promise<Caller>;
}

export interface DoorOptions {
  readonly gatekeeper: Gatekeeper;
  readonly audit: AuditSink;
  readonly clock: Pick<Clock, 'monotonicMs' | 'nowMs'>;
  /** Whoever comes in is in an incognito session from the start. */
  readonly incognito?: boolean;
}

export function createDoors(options: DoorOptions): Doors {
  const { gatekeeper, audit, clock } = options;
  const pins = createPins(clock);
  const refusals = createRefusals(audit, clock);

  const authenticate = async (credentials: Credentials, via: string): Promise<Grant> => {
    try {
      return { ...(await gatekeeper.authenticate(credentials)), via };
    } catch (error) {
      if (isHakiriError(error) && error.code.startsWith('token.')) await refusals.note(error.code, via);
      throw error;
    }
  };
  const letIn = (grant: Grant, token: string | undefined, isPinned: boolean, pin: () => void): Caller => {
    const isIncognito = isPinned || options.incognito === true || pins.has(grant);
    return {
      grant: isIncognito ? incognito(grant) : grant,
      baseDigest: grant.digest,
      token,
      isIncognito,
      pin,
    };
  };

  return {
    connection(shown, { incognito: fromTheStart = false } = {}) {
      let isPinned = fromTheStart;
      const pin = (): void => {
        isPinned = true;
      };
      if (shown.kind === 'owner') {
        const grant = { ...OWNER_GRANT, via: 'mcp-stdio' };
        return async () => letIn(grant, undefined, isPinned, pin);
      }
      const { token } = shown;
      return async () => letIn(await authenticate({ token }, 'mcp-stdio'), token, isPinned, pin);
    },
    async request(credentials) {
      const grant = await authenticate(credentials, 'mcp-http');
      return letIn(grant, credentials.token, false, () => pins.add(grant));
    },
  };
}
