import type { Clock } from '@hakiri/core';
import {
  createMcpHandler,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  isLegacyRequest,
} from '@modelcontextprotocol/server';
import { Hono } from 'hono';
import type { Doors } from '../caller/doors.ts';
import type { McpHandlers } from '../mcp/create-mcp.ts';
import { type Authenticated, authInfoOf, callerOf, letIn } from './authenticate.ts';
import { refuseForeign } from './guards.ts';
import { readBody } from './read-body.ts';
import { resourceMetadata } from './resource-metadata.ts';
import { rpcError } from './rpc-error.ts';
import { createSessions } from './sessions.ts';

export interface HttpOptions {
  /** Through which each request comes in. */
  readonly doors: Pick<Doors, 'request'>;
  /** Names the project in the metadata; `Hakiri` alone when undefined. */
  readonly project?: string;
  /** Host names under which the server may be called, without ports; those of the loopback when undefined. */
  readonly allowedHosts?: readonly string[];
  /**
   * Host names of web pages that may call beside the server's own; none when undefined. Callers that are no browser
   * send no origin.
   */
  readonly allowedOrigins?: readonly string[];
  /** Paths that need no token, `/healthz` for example. Host and origin are checked all the same. */
  readonly openPaths?: readonly string[];
  /** 4 MB when undefined. */
  readonly maxBodyBytes?: number;
  /** How long a body may take to arrive; 10 s when undefined. */
  readonly bodyTimeoutMs?: number;
  /** Of the older era, at once; 64 when undefined. */
  readonly maxSessions?: number;
  /** After which a session nobody waits on is forgotten; 30 min when undefined. */
  readonly sessionIdleMs?: number;
  /** By which sessions grow old; the process's own when undefined. */
  readonly clock?: Pick<Clock, 'monotonicMs'>;
}

export interface HttpApp {
  /**
   * Guards stand before every route, also those added later, which find who asks in `c.var.caller`. `app.fetch` answers
   * a request.
   */
  readonly app: Hono<Authenticated>;
  /** Ends what is under way, sessions included. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const BODY_TIMEOUT_MS = 10_000;
/** Revisions before 2025-06-18 have batches; a body of four megabytes has room for a hundred thousand calls. */
const MOST_IN_BATCH = 50;
/** Open streams of `subscriptions/listen`, which never carry anything here. */
const MOST_SUBSCRIPTIONS = 64;

/**
 * MCP at `/mcp` over Streamable HTTP. The era of 2026-07-28 has no sessions: each request is served by itself. Older
 * clients get a session, since they cancel a call by another request. No CORS: a web page has no business here.
 */
export function createHttpApp(mcp: McpHandlers, options: HttpOptions): HttpApp {
  const maxBytes = options.maxBodyBytes ?? MAX_BODY_BYTES;
  const bodyLimits = { maxBytes, timeoutMs: options.bodyTimeoutMs ?? BODY_TIMEOUT_MS };
  const modern = createMcpHandler(mcp.serverFor(callerOf), {
    legacy: 'reject',
    onerror: mcp.onError,
    maxSubscriptions: MOST_SUBSCRIPTIONS,
  });
  const sessions = createSessions(mcp, options);

  const app = new Hono<Authenticated>();
  app.use('*', refuseForeign(options));
  resourceMetadata(app, options.project);
  app.use('*', letIn(options));
  app.all('/mcp', async (c) => {
    const request = c.req.raw;
    const { caller } = c.var;
    if (request.method !== 'POST') return sessions.handle(request, undefined, caller);
    const body = await readBody(request, bodyLimits);
    if (!body.ok) return body.response;
    const parsedBody = body.value;
    if (Array.isArray(parsedBody) && parsedBody.length > MOST_IN_BATCH) {
      return rpcError(400, INVALID_REQUEST, `Invalid Request: a batch may have ${MOST_IN_BATCH} messages`);
    }
    return (await isLegacyRequest(request, parsedBody))
      ? sessions.handle(request, parsedBody, caller)
      : modern.fetch(request, { parsedBody, authInfo: authInfoOf(caller) });
  });
  app.notFound(() => rpcError(404, INVALID_REQUEST, 'Not Found: MCP is at /mcp'));
  app.onError((error) => {
    mcp.onError(error);
    return rpcError(500, INTERNAL_ERROR, 'Internal error');
  });
  return {
    app,
    async close() {
      await Promise.all([modern.close(), sessions.close()]);
    },
  };
}
