import { type AddressInfo, isIPv6 } from 'node:net';
import { HakiriError } from '@hakiri/core';
import { createAdaptorServer } from '@hono/node-server';
import type { Env, Hono } from 'hono';

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  /** Takes no new connection; resolves when the last one is closed, by force after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** What a client may keep a connection waiting for: its headers, then its whole request. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/**
 * Longer than proxies keep a connection that nothing uses (Caddy: two minutes): one that is closed just as they send a
 * call over it costs that call.
 */
const KEEP_ALIVE_MS = 125_000;
const MOST_CONNECTIONS = 256;
/** A token may have 16 KB, a third more as text, and a proof comes beside it. */
const MOST_HEADER_BYTES = 48 * 1024;

/** @throws HakiriError server.port_taken */
export async function listenHttp<E extends Env>(
  app: Hono<E>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HttpListener> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MOST_HEADER_BYTES,
    },
  });
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(notListening(host, port, cause)));
    server.listen(port, host, resolve);
  });
  // A connection that cannot be taken, for want of file descriptors say, costs that connection only.
  server.on('error', () => {});
  const address = server.address() as AddressInfo;
  return {
    host,
    port: address.port,
    close: (graceMs) =>
      new Promise((resolve) => {
        const force = setTimeout(
          () => 'closeAllConnections' in server && server.closeAllConnections(),
          graceMs,
        );
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        if ('closeIdleConnections' in server) server.closeIdleConnections();
      }),
  };
}

/** As it stands in an address. */
export const urlHost = (host: string): string => (isIPv6(host) ? `[${host}]` : host);

function notListening(host: string, port: number, cause: NodeJS.ErrnoException): HakiriError {
  const where = `${urlHost(host)}:${port}`;
  if (cause.code === 'EADDRINUSE') {
    return new HakiriError('server.port_taken', `Another program listens on ${where}`, {
      cause,
      details: { host, port },
    });
  }
  return new HakiriError('server.port_taken', `${where} cannot be listened on (${cause.code ?? 'error'})`, {
    hint: 'Choose another port with --port, or an address of this machine with --host.',
    cause,
    details: { host, port },
  });
}
