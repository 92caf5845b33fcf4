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
