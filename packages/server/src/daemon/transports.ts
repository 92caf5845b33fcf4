import type { Socket } from 'node:net';
import { HakiriError, toHakiriError } from '@hakiri/core';
import type { Hono } from 'hono';
import type { Door, Doors } from '../caller/doors.ts';
import { isOwner } from '../caller/rights.ts';
import { createHttpApp } from '../http/app.ts';
import type { Authenticated } from '../http/authenticate.ts';
import { rpcError } from '../http/rpc-error.ts';
import type { Log } from '../log/create-log.ts';
import { createMcp } from '../mcp/create-mcp.ts';
import { serveStdio } from '../mcp/serve-stdio.ts';
import type { Meter } from '../metrics/meter.ts';
import { PROMETHEUS_TYPE } from '../metrics/registry.ts';
import type { ServerServices } from '../services.ts';
import type { Tracer } from '../trace/tracer.ts';
import { readGreeting, refuse, welcome } from './greeting.ts';
import { type HttpListener, listenHttp } from './listen-http.ts';
import { listenOnSocket } from './socket-server.ts';

export interface TransportOptions {
  readonly services: ServerServices;
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly doors: Doors;
  /** Whether that proves that whoever connects to the socket can read the project's key. */
  isOwner(proof: string): boolean;
  /** Names under which it may be called beside those of the loopback. */
  readonly allowedHosts: readonly string[];
  readonly socketPath: string;
  readonly meter: Meter;
  readonly log: Log;
  readonly tracer: Tracer;
  /** Whether it would take a question now. */
  isReady(): boolean;
}

export interface Transports {
  readonly host: string;
  readonly port: number;
  /** Takes nobody in any more, lets what is under way end, and after `graceMs` ends it. */
  close(graceMs: number): Promise<void>;
}

const REFUSED = -32_000;
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
const OPEN_PATHS = ['/healthz', '/healthz/live', '/healthz/ready'];

/**
 * The same handlers over HTTP and over the project's socket.
 * @throws HakiriError server.port_taken
 */
export async function openTransports(options: TransportOptions): Promise<Transports> {
  const { services, doors, host, port, allowedHosts, socketPath, meter, log, tracer } = options;
  const mcp = createMcp(services, {
    tracer,
    onToolCall({ tool, outcome, code, elapsedMs }) {
      meter.tool(tool, outcome);
      log.info({ tool, outcome, ...(code === undefined ? {} : { code }), ms: Math.round(elapsedMs) }, 'tool');
    },
    onError: (error) => log.error({ reason: error.message }, 'mcp'),
  });
  const http = createHttpApp(mcp, {
    doors,
    project: services.project,
    allowedHosts: [...LOOPBACK_NAMES, ...allowedHosts],
    openPaths: OPEN_PATHS,
  });
  addOwnRoutes(http.app, options);

  const clients = new Set<Promise<void>>();
  const ending = new AbortController();
  const serveClient = async (socket: Socket): Promise<void> => {
    const door = await doorOf(socket, options, ending.signal);
    if (door === undefined) return;
    const { closed } = serveStdio(mcp, { door, stdin: socket, stdout: socket, signal: ending.signal });
    await closed;
  };
  const onClient = (socket: Socket): void => {
    // What a client that goes away leaves unwritten is of no use to anybody.
    socket.on('error', () => {});
    const gone = serveClient(socket)
      .catch((error: unknown) => log.error({ reason: toHakiriError(error).message }, 'socket'))
      .finally(() => {
        socket.destroySoon();
        clients.delete(gone);
      });
    clients.add(gone);
  };

  const listener: HttpListener = await listenHttp(http.app, { host, port });
  const socket = await listenOnSocket(socketPath, onClient).catch(async (error: unknown) => {
    await listener.close(0);
    throw error;
  });
  return {
    host,
    port: listener.port,
    async close(graceMs) {
      const closed = Promise.all([socket.close(), listener.close(graceMs)]);
      ending.abort();
      await Promise.all([closed, http.close(), ...clients]);
    },
  };
}

/** Who is not let in is told why, and nothing else is said. */
async function doorOf(
  socket: Socket,
  { doors, isOwner: provesKey, log }: TransportOptions,
  signal: AbortSignal,
): Promise<Door | undefined> {
  const greeting = await readGreeting(socket, signal);
  try {
    if (greeting === undefined) {
      throw new HakiriError('usage.argument', 'This socket is for `hakiri mcp` of the same version', {
        hint: 'Start `hakiri mcp`, or call over HTTP.',
      });
    }
    const { token, owner, incognito = false } = greeting;
    if (token === undefined && (owner === undefined || !provesKey(owner))) {
      throw new HakiriError(
        'token.missing',
        'Without a token only who can read the key of the project is let in',
      );
    }
    const door = doors.connection(token === undefined ? { kind: 'owner' } : { kind: 'token', token }, {
      incognito,
    });
    // Now, and not at the first request: whoever started the agent hears of it.
    await door();
    welcome(socket);
    return door;
  } catch (error) {
    const known = toHakiriError(error);
    if (known.code === 'internal') log.error({ reason: known.message }, 'socket');
    refuse(socket, known);
    return undefined;
  }
}

/** No details without the token: who asks `/healthz` learns that it lives, and whether it is ready. */
function addOwnRoutes(app: Hono<Authenticated>, { meter, isReady }: TransportOptions): void {
  app.get('/healthz/live', (c) => c.text('ok\n'));
  const ready = (): Response =>
    new Response(isReady() ? 'ok\n' : 'not ready\n', { status: isReady() ? 200 : 503 });
  app.get('/healthz', ready);
  app.get('/healthz/ready', ready);
  app.get('/metrics', (c) => {
    // They count what every caller does.
    if (isOwner(c.var.caller.grant)) {
      return c.body(meter.registry.text(), 200, { 'Content-Type': PROMETHEUS_TYPE });
    }
    return rpcError(403, REFUSED, "Forbidden: figures are the owner's", {
      'WWW-Authenticate': 'Bearer realm="hakiri", error="insufficient_scope"',
    });
  });
}
