import type { Socket } from 'node:net';
import type { Hono } from 'hono';
import { createHttpApp } from '../http/app.ts';
import type { Log } from '../log/create-log.ts';
import { createMcp } from '../mcp/create-mcp.ts';
import { serveStdio } from '../mcp/serve-stdio.ts';
import type { Meter } from '../metrics/meter.ts';
import { PROMETHEUS_TYPE } from '../metrics/registry.ts';
import type { ServerServices } from '../services.ts';
import { type HttpListener, listenHttp } from './listen-http.ts';
import { listenOnSocket } from './socket-server.ts';

export interface TransportOptions {
  readonly services: ServerServices;
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
  /** What callers over HTTP have to send. */
  readonly token: string;
  /** Names under which it may be called beside those of the loopback. */
  readonly allowedHosts: readonly string[];
  readonly socketPath: string;
  readonly meter: Meter;
  readonly log: Log;
  /** Whether it would take a question now. */
  isReady(): boolean;
}

export interface Transports {
  readonly host: string;
  readonly port: number;
  /** Takes nobody in any more, lets what is under way end, and after `graceMs` ends it. */
  close(graceMs: number): Promise<void>;
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
const OPEN_PATHS = ['/healthz', '/healthz/live', '/healthz/ready'];

/**
 * The same handlers over HTTP and over the project's socket.
 * @throws HakiriError server.port_taken
 */
export async function openTransports(options: TransportOptions): Promise<Transports> {
  const { services, host, port, token, allowedHosts, socketPath, meter, log } = options;
  const mcp = createMcp(services, {
    onToolCall({ tool, outcome, code, elapsedMs }) {
      meter.tool(tool, outcome);
      log.info({ tool, outcome, ...(code === undefined ? {} : { code }), ms: Math.round(elapsedMs) }, 'tool');
    },
    onError: (error) => log.error({ reason: error.message }, 'mcp'),
  });
  const http = createHttpApp(mcp, {
    token,
    allowedHosts: [...LOOPBACK_NAMES, ...allowedHosts],
    openPaths: OPEN_PATHS,
  });
  addOwnRoutes(http.app, options);

  const clients = new Set<Promise<void>>();
  const ending = new AbortController();
  const onClient = (socket: Socket): void => {
    // What a client that goes away leaves unwritten is of no use to anybody.
    socket.on('error', () => {});
    const { closed } = serveStdio(mcp, { stdin: socket, stdout: socket, signal: ending.signal });
    const gone = closed.then(() => {
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

/** No details without the token: who asks `/healthz` learns that it lives, and whether it is ready. */
function addOwnRoutes(app: Hono, { meter, isReady }: TransportOptions): void {
  app.get('/healthz/live', (c) => c.text('ok\n'));
  const ready = (): Response =>
    new Response(isReady() ? 'ok\n' : 'not ready\n', { status: isReady() ? 200 : 503 });
  app.get('/healthz', ready);
  app.get('/healthz/ready', ready);
  app.get('/metrics', (c) => c.body(meter.registry.text(), 200, { 'Content-Type': PROMETHEUS_TYPE }));
}
