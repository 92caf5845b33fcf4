import { randomUUID } from 'node:crypto';
import type { Clock } from '@hakiri/core';
import { isInitializeRequest, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import type { Caller } from '../caller/caller.ts';
import type { McpHandlers } from '../mcp/create-mcp.ts';
import { authInfoOf, callerOf } from './authenticate.ts';
import { rpcError } from './rpc-error.ts';
import { whenEnded } from './when-ended.ts';

export interface SessionOptions {
  readonly maxSessions?: number;
  readonly sessionIdleMs?: number;
  readonly clock?: Pick<Clock, 'monotonicMs'>;
}

/** Clients of the era before 2026-07-28: each has a session, opened by `initialize`. */
export interface Sessions {
  /** `body` is the JSON of a POST. A session is its principal's alone: to anybody else there is no such session. */
  handle(request: Request, body: unknown, caller: Caller): Promise<Response>;
  close(): Promise<void>;
}

interface Session {
  /** Who opened it, with what rights: another token of the same may go on with it. */
  readonly owner: string;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  /** Answers that somebody is still reading. */
  open: number;
  idleSinceMs: number;
}

const MAX_SESSIONS = 64;
const SESSION_IDLE_MS = 30 * 60_000;
const BAD_REQUEST = -32_000;
const NO_SESSION = -32_001;

export function createSessions(mcp: McpHandlers, options: SessionOptions): Sessions {
  const { maxSessions = MAX_SESSIONS, sessionIdleMs = SESSION_IDLE_MS } = options;
  const nowMs = (): number => options.clock?.monotonicMs() ?? performance.now();
  const sessions = new Map<string, Session>();

  const end = async (id: string): Promise<void> => {
    const session = sessions.get(id);
    sessions.delete(id);
    if (sessions.size === 0) clearInterval(sweeper);
    await session?.transport.close().catch(mcp.onError);
  };
  const endIdle = (): void => {
    const before = nowMs() - sessionIdleMs;
    for (const [id, { open, idleSinceMs }] of sessions) {
      if (open === 0 && idleSinceMs <= before) void end(id);
    }
  };
  let sweeper: NodeJS.Timeout | undefined;
  const keep = (id: string, session: Session): void => {
    if (sessions.size === 0) sweeper = setInterval(endIdle, Math.max(10, sessionIdleMs / 4)).unref();
    sessions.set(id, session);
  };

  /** A session counts as in use until the answer is read to its end, however long a call takes. */
  const use = async (
    session: Session,
    request: Request,
    parsedBody: unknown,
    caller: Caller,
  ): Promise<Response> => {
    session.open++;
    const done = (): void => {
      session.open--;
      session.idleSinceMs = nowMs();
    };
    try {
      const response = await session.transport.handleRequest(request, {
        authInfo: authInfoOf(caller),
        ...(parsedBody === undefined ? {} : { parsedBody }),
      });
      return whenEnded(response, done);
    } catch (error) {
      done();
      throw error;
    }
  };

  const start = async (request: Request, body: unknown, caller: Caller): Promise<Response> => {
    if (sessions.size >= maxSessions) {
      return rpcError(503, BAD_REQUEST, 'Service Unavailable: too many sessions are open', {
        'Retry-After': '10',
      });
    }
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => keep(id, session),
      onsessionclosed: end,
    });
    const session: Session = { owner: caller.baseDigest, transport, open: 0, idleSinceMs: nowMs() };
    const server = await mcp.serverFor(callerOf)({ era: 'legacy', requestInfo: request });
    await server.connect(transport);
    return use(session, request, body, caller);
  };

  return {
    async handle(request, body, caller) {
      endIdle();
      const id = request.headers.get('mcp-session-id');
      if (id === null) {
        return opensSession(body)
          ? start(request, body, caller)
          : rpcError(400, BAD_REQUEST, 'Bad Request: there is no session; it begins with initialize');
      }
      const session = sessions.get(id);
      return session === undefined || session.owner !== caller.baseDigest
        ? rpcError(404, NO_SESSION, 'Session not found')
        : use(session, request, body, caller);
    },
    async close() {
      await Promise.all([...sessions.keys()].map(end));
    },
  };
}

function opensSession(body: unknown): boolean {
  return isInitializeRequest(body) || (Array.isArray(body) && body.some(isInitializeRequest));
}
