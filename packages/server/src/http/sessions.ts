import { randomUUID } from 'node:crypto';
import type { Clock } from '@hakiri/core';
import { isInitializeRequest, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import type { McpHandlers } from '../mcp/create-mcp.ts';
import { rpcError } from './rpc-error.ts';
import { whenEnded } from './when-ended.ts';

export interface SessionOptions {
  readonly maxSessions?: number;
  readonly sessionIdleMs?: number;
  readonly clock?: Pick<Clock, 'monotonicMs'>;
}

/** Clients of the era before 2026-07-28: each has a session, opened by `initialize`. */
export interface Sessions {
  /** `body` is the JSON of a POST. */
  handle(request: Request, body: unknown): Promise<Response>;
  close(): Promise<void>;
}

interface Session {
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
  const use = async (session: Session, request: Request, parsedBody: unknown): Promise<Response> => {
    session.open++;
    const done = (): void => {
      session.open--;
      session.idleSinceMs = nowMs();
    };
    try {
      const response = await session.transport.handleRequest(
        request,
        parsedBody === undefined ? {} : { parsedBody },
      );
      return whenEnded(response, done);
    } catch (error) {
      done();
      throw error;
    }
  };

  const start = async (request: Request, body: unknown): Promise<Response> => {
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
    const session: Session = { transport, open: 0, idleSinceMs: nowMs() };
    const server = await mcp.createServer({ era: 'legacy', requestInfo: request });
    await server.connect(transport);
    return use(session, request, body);
  };

  return {
    async handle(request, body) {
      endIdle();
      const id = request.headers.get('mcp-session-id');
      if (id === null) {
        return opensSession(body)
          ? start(request, body)
          : rpcError(400, BAD_REQUEST, 'Bad Request: there is no session; it begins with initialize');
      }
      const session = sessions.get(id);
      return session === undefined
        ? rpcError(404, NO_SESSION, 'Session not found')
        : use(session, request, body);
    },
    async close() {
      await Promise.all([...sessions.keys()].map(end));
    },
  };
}

function opensSession(body: unknown): boolean {
  return isInitializeRequest(body) || (Array.isArray(body) && body.some(isInitializeRequest));
}
