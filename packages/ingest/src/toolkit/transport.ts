import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { HakiriError, isHakiriError } from '@hakiri/core';
import type { Agent, buildConnector } from 'undici';
import type { EgressGuard } from './egress-guard.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; a header that came several times is joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded. Throws source.truncated when it ends before it is whole. To be read, or left by `break`. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** One exchange, as it is: no retry, no redirect. Throws source.network, source.host_refused, or the signal's reason. */
export type Transport = (request: HttpRequest) => Promise<HttpResponse>;

export interface ClosableTransport {
  readonly send: Transport;
  close(): Promise<void>;
}

export interface TransportTimeouts {
  readonly connectMs: number;
  readonly headersMs: number;
  /** Longest silence inside a body. */
  readonly bodyIdleMs: number;
}

const DEFAULT_TIMEOUTS: TransportTimeouts = {
  connectMs: 10_000,
  headersMs: 30_000,
  bodyIdleMs: 60_000,
};

const USER_AGENT = 'hakiri/0.1';

/** The network. Every connection goes to an address the guard has checked, and to no other. */
export function createTransport(guard: EgressGuard, timeouts = DEFAULT_TIMEOUTS): ClosableTransport {
  let agent: Promise<Agent> | undefined;
  const open = (): Promise<Agent> => {
    agent ??= openAgent(guard, timeouts);
    return agent;
  };
  return {
    send: async (request) => {
      guard.checkUrl(request.url);
      const { url, method, headers, body, signal } = request;
      signal.throwIfAborted();
      try {
        const answer = await (await open()).request({
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method,
          headers: { 'accept-encoding': 'gzip, br, zstd', 'user-agent': USER_AGENT, ...headers },
          body: body ?? null,
          signal,
        });
        const flat = flatten(answer.headers);
        return {
          status: answer.statusCode,
          headers: flat,
          body: decoded(answer.body, flat['content-encoding'], url, signal),
        };
      } catch (error) {
        throw networkError(error, url, signal);
      }
    },
    close: async () => {
      await (await agent)?.destroy();
    },
  };
}

/** undici is loaded with the first request, so that a run that needs no network does not pay for it. */
async function openAgent(guard: EgressGuard, timeouts: TransportTimeouts): Promise<Agent> {
  const undici = await import('undici');
  const connectors = new Map<string, buildConnector.connector>();
  return new undici.Agent({
    allowH2: false,
    connections: 8,
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.bodyIdleMs,
    connect: (options, callback) => {
      const key = `${options.hostname}|${options.port}`;
      let connector = connectors.get(key);
      if (connector === undefined) {
        // The names are resolved inside the connection, by a lookup that checks what it returns: the address
        // checked is the address connected to, so a name that changes its mind in between gains nothing.
        const lookup = guard.lookupFor(options.hostname, Number(options.port) || undefined);
        connector = undici.buildConnector({ timeout: timeouts.connectMs, allowH2: false, lookup });
        connectors.set(key, connector);
      }
      connector(options, callback);
    },
  });
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

async function* decoded(
  body: Readable,
  encoding: string | undefined,
  url: URL,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* decompress(body, encoding);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (isHakiriError(error)) throw error;
    throw new HakiriError('source.truncated', `The answer of ${url.origin}${url.pathname} was cut off`, {
      cause: error,
    });
  } finally {
    body.destroy();
  }
}

/** Bytes of a `content-encoding`; an unknown one is passed on as it is. */
async function* decompress(body: Readable, encoding: string | undefined): AsyncGenerator<Uint8Array> {
  const decoder = decoderOf(encoding);
  if (decoder === undefined) {
    yield* body;
    return;
  }
  // An error on either side ends both, and is met where the decoder is read.
  pipeline(body, decoder, () => {});
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
  } finally {
    decoder.destroy();
  }
}

function decoderOf(encoding: string | undefined) {
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      return createZstdDecompress();
    case 'deflate':
      return createInflate();
    default:
      return undefined;
  }
}

function networkError(error: unknown, url: URL, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (isHakiriError(error)) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return new HakiriError('source.network', `${url.origin} could not be reached: ${describe(code)}`, {
    cause: error,
    details: { origin: url.origin, reason: code },
  });
}

function describe(code: string): string {
  switch (code) {
    case 'ENOTFOUND':
      return 'there is no such host';
    case 'EAI_AGAIN':
      return 'its name could not be resolved';
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
    case 'EPIPE':
      return 'the connection was closed';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return 'connecting took too long';
    case 'UND_ERR_HEADERS_TIMEOUT':
      return 'it did not answer in time';
    default:
      return code.includes('CERT') || code.includes('SIGNED')
        ? `its certificate is not valid (${code})`
        : code;
  }
}
