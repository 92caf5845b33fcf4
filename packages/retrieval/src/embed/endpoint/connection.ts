import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { HakiriError } from '@hakiri/core';
import type { Agent } from 'undici';
import { isPrivateAddress } from './private-address.ts';

const CONNECT_TIMEOUT_MS = 10_000;

export interface Connection {
  /** One POST of JSON as it is: no retry, no redirect. Rejects with undici's errors, or the signal's reason. */
  post(body: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Reply>;
  close(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  /** The header as it came. */
  readonly retryAfter: string | undefined;
  /** To be read, or left by `return`. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** undici is loaded with the first request. An address in clear text is reached on private networks alone. */
export function openConnection(url: URL, connections: number): Connection {
  let agent: Promise<Agent> | undefined;
  return {
    async post(body, headers, signal) {
      agent ??= openAgent(url, connections);
      const answer = await (await agent).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'POST',
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'content-type': 'application/json',
          'user-agent': 'hakiri/0.1',
          ...headers,
        },
        body,
        signal,
      });
      const retryAfter = answer.headers['retry-after'];
      return {
        status: answer.statusCode,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        body: answer.body,
      };
    },
    async close() {
      await (await agent?.catch(() => undefined))?.destroy();
    },
  };
}

async function openAgent(url: URL, connections: number): Promise<Agent> {
  const undici = await import('undici');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const inClear = url.protocol === 'http:';
  if (inClear && isIP(host) !== 0 && !isPrivateAddress(host)) throw inClearError(url);
  return new undici.Agent({
    allowH2: false,
    connections,
    // The request's own signal ends it.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_TIMEOUT_MS, ...(inClear ? { lookup: privateLookup(url) } : {}) },
  });
}

/** Checked inside the connection: the address that is checked is the one connected to. */
function privateLookup(url: URL): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) return callback(error ?? new Error('no address'), '', 0);
      if (!addresses.every(({ address }) => isPrivateAddress(address)))
        return callback(inClearError(url), '', 0);
      if (options.all === true) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

function inClearError(url: URL): HakiriError {
  return new HakiriError(
    'embedding.refused',
    `${url.origin} is neither this machine nor on a private network, and http:// would send texts in clear`,
    { hint: 'Use an address that starts with https://.', details: { origin: url.origin } },
  );
}
