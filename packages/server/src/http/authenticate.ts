import { type ErrorCode, type HakiriError, isHakiriError } from '@hakiri/core';
import type { AuthInfo } from '@modelcontextprotocol/server';
import type { MiddlewareHandler } from 'hono';
import type { Caller } from '../caller/caller.ts';
import type { Doors } from '../caller/doors.ts';
import type { Entrance } from '../mcp/create-mcp.ts';
import { DPOP_ALGORITHMS, metadataUrl, resourceUrl } from './resource-metadata.ts';
import { rpcError } from './rpc-error.ts';

export interface Authenticated {
  Variables: { caller: Caller };
}

const REFUSED = -32_000;

/**
 * Every request shows its token (RFC 6750), and its proof of possession where the token asks for one (RFC 9449): one
 * that was revoked since ends there. What is not let in is told how it could be.
 */
export function letIn(options: {
  readonly doors: Pick<Doors, 'request'>;
  readonly openPaths?: readonly string[];
}): MiddlewareHandler<Authenticated> {
  const open = new Set(options.openPaths ?? []);
  return async (c, next) => {
    if (open.has(c.req.path)) return next();
    const request = c.req.raw;
    const [, scheme = '', token] =
      /^(Bearer|DPoP) +([^\s]+) *$/i.exec(c.req.header('authorization') ?? '') ?? [];
    if (token === undefined) {
      return unauthorized(request, undefined, 'a token is required', { code: 'token.missing' });
    }
    const jwt = c.req.header('dpop');
    // Somebody who asks for the weaker scheme has no proof, whatever else was sent.
    const proof =
      scheme.toLowerCase() === 'dpop'
        ? { jwt, method: request.method, url: resourceUrl(request) }
        : undefined;
    try {
      c.set('caller', await options.doors.request(proof === undefined ? { token } : { token, proof }));
    } catch (error) {
      if (!isHakiriError(error)) throw error;
      if (error.code === 'audit.unavailable') return unavailable(error);
      if (!error.code.startsWith('token.')) throw error;
      const { code, message, hint } = error;
      const wrong: OAuthError =
        code === 'token.proof' && jwt !== undefined ? 'invalid_dpop_proof' : 'invalid_token';
      return unauthorized(request, wrong, message, { code, hint });
    }
    await next();
  };
}

type OAuthError = 'invalid_token' | 'invalid_dpop_proof';

function unauthorized(
  request: Request,
  error: OAuthError | undefined,
  message: string,
  data: { readonly code: ErrorCode; readonly hint?: string },
): Response {
  const headers = new Headers();
  // A token that has to come with a proof is of no use as a bearer token.
  if (data.code !== 'token.proof') {
    headers.append('WWW-Authenticate', challenge('Bearer', request, { error, message }));
  }
  const proven = data.code === 'token.proof' ? error : undefined;
  headers.append(
    'WWW-Authenticate',
    challenge('DPoP', request, { error: proven, message, algs: DPOP_ALGORITHMS.join(' ') }),
  );
  return rpcError(401, REFUSED, `Unauthorized: ${message}`, headers, data);
}

/** RFC 6750, section 3; RFC 9449, section 7.1; RFC 9728, section 5.1. */
function challenge(
  scheme: 'Bearer' | 'DPoP',
  request: Request,
  {
    error,
    message,
    algs,
  }: { readonly error: OAuthError | undefined; readonly message: string; readonly algs?: string },
): string {
  const params = [
    ['realm', 'hakiri'],
    ...(algs === undefined ? [] : [['algs', algs]]),
    ...(error === undefined
      ? []
      : [
          ['error', error],
          ['error_description', message],
        ]),
    ['resource_metadata', metadataUrl(request)],
  ];
  return `${scheme} ${params.map(([name, value = '']) => `${name}="${quotable(value)}"`).join(', ')}`;
}

/** RFC 6750 leaves these out of a description, and a header takes nothing that is not ASCII. */
function quotable(text: string): string {
  return text.replaceAll('"', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}

function unavailable({ code, message, hint }: HakiriError): Response {
  return rpcError(503, REFUSED, `Service Unavailable: ${message}`, { 'Retry-After': '10' }, { code, hint });
}

/** How the caller reaches the handlers of the protocol. */
export function authInfoOf(caller: Caller): AuthInfo {
  const { grant, token = '' } = caller;
  return { token, clientId: grant.subject, scopes: [], extra: { caller } };
}

/** Of a request that has passed `letIn`. */
export const callerOf: Entrance = async ({ http }) => {
  const caller = http?.authInfo?.extra?.caller;
  if (caller === undefined) throw new Error('a request came in through no door');
  return caller as Caller;
};
