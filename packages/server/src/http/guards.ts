import { createHash, timingSafeEqual } from 'node:crypto';
import {
  localhostAllowedHostnames,
  validateHostHeader,
  validateOriginHeader,
} from '@modelcontextprotocol/server';
import type { MiddlewareHandler } from 'hono';
import { rpcError } from './rpc-error.ts';

const REFUSED = -32_000;

/**
 * A web page can make a browser call the loopback, also under a name of its own (DNS rebinding): the Host then is the
 * page's name, and the Origin the page's.
 */
export function refuseForeign(allowed: {
  readonly allowedHosts?: readonly string[];
  readonly allowedOrigins?: readonly string[];
}): MiddlewareHandler {
  const hosts = [...(allowed.allowedHosts ?? localhostAllowedHostnames())];
  const origins = [...(allowed.allowedOrigins ?? [])];
  return async ({ req }, next) => {
    if (!validateHostHeader(req.header('host'), hosts).ok) {
      return rpcError(403, REFUSED, 'Forbidden: the Host header names another server');
    }
    const origin = req.header('origin');
    if (!isOwn(origin, req.header('host')) && !validateOriginHeader(origin, origins).ok) {
      return rpcError(403, REFUSED, 'Forbidden: web pages of this origin may not call');
    }
    await next();
  };
}

/** A page that this server itself served; the Host was checked before. */
function isOwn(origin: string | undefined, host: string | undefined): boolean {
  return origin !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

/** The time it takes tells nothing of how much of the token was right. */
export function requireToken(options: {
  readonly token: string;
  readonly openPaths?: readonly string[];
}): MiddlewareHandler {
  const expected = digest(options.token);
  const open = new Set(options.openPaths ?? []);
  return async ({ req }, next) => {
    if (open.has(req.path)) return next();
    const given = /^Bearer +([^\s]+) *$/i.exec(req.header('authorization') ?? '')?.[1];
    if (given === undefined) {
      return rpcError(401, REFUSED, 'Unauthorized: a bearer token is required', {
        'WWW-Authenticate': 'Bearer realm="hakiri"',
      });
    }
    if (!timingSafeEqual(digest(given), expected)) {
      return rpcError(401, REFUSED, 'Unauthorized: the bearer token is wrong', {
        'WWW-Authenticate': 'Bearer realm="hakiri", error="invalid_token"',
      });
    }
    await next();
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
