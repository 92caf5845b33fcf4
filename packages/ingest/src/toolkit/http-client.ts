import { HakiriError } from '@hakiri/core';
import { type Authenticator, NO_AUTH } from './auth.ts';
import { createEgressGuard, type EgressGuard } from './egress-guard.ts';
import { classifyFailure } from './http-failure.ts';
import { leaveBody } from './leave-body.ts';
import { createPacing, type Pacing } from './pacing.ts';
import type { Redactor } from './redactor.ts';
import { type Attempt, DEFAULT_RETRY, type RetryPolicy, retryOf, withRetry } from './retry.ts';
import type { SourceContext } from './source-context.ts';
import { createTransport, type HttpRequest, type HttpResponse, type Transport } from './transport.ts';

export interface ClientRequest {
  readonly method?: 'GET' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Statuses from 400 on that `read` wants to see, instead of an error. */
  readonly accept?: readonly number[];
  readonly signal: AbortSignal;
}

/** Requests with everything around them: credentials, pacing, retries, redirects, checked addresses. */
export interface HttpClient {
  /**
   * Sends a request and reads its answer. `read` gets answers below 300, a 304, and what `accept` lists; it
   * starts afresh when it throws source.truncated and the request is made again.
   */
  fetch<T>(request: ClientRequest, read: (response: HttpResponse) => Promise<T>): Promise<T>;
  /** Whether a page at this address may be read: same origin, or a host the manifest names. */
  mayFollow(url: URL): boolean;
  readonly redactor: Redactor;
  close(): Promise<void>;
}

export interface HttpClientOptions {
  readonly context: SourceContext;
  /** Credentials and the source's own headers are sent to this origin only. */
  readonly origin: string;
  readonly redactor: Redactor;
  /** Undefined: as fast as the source answers. */
  readonly requestsPerSecond?: number;
  readonly maxWaitMs?: number;
  readonly retry?: RetryPolicy;
}

export interface UnauthenticatedClient extends HttpClient {
  /** The same client, its connections and pacing, with credentials. */
  with(auth: Authenticator): HttpClient;
}

const MAX_REDIRECTS = 5;

export function createHttpClient(options: HttpClientOptions): UnauthenticatedClient {
  const { context, redactor } = options;
  const guard = createEgressGuard({ allowHosts: context.allowHosts });
  const network = context.transport === undefined ? createTransport(guard) : undefined;
  const maxWaitMs = options.maxWaitMs ?? DEFAULT_RETRY.maxWaitMs;
  const shared: Shared = {
    context,
    redactor,
    guard,
    origin: options.origin,
    send: context.transport ?? network!.send,
    pacing: createPacing({ requestsPerSecond: options.requestsPerSecond, maxWaitMs }, context.clock),
    policy: { ...(options.retry ?? DEFAULT_RETRY), maxWaitMs },
  };
  const clientWith = (auth: Authenticator): HttpClient => ({
    fetch: (request, read) => fetchWithRetry(shared, auth, request, read),
    mayFollow: (url) => url.origin === options.origin || guard.allows(url),
    redactor,
    close: async () => network?.close(),
  });
  return { ...clientWith(NO_AUTH), with: clientWith };
}

interface Shared {
  readonly context: SourceContext;
  readonly redactor: Redactor;
  readonly guard: EgressGuard;
  readonly origin: string;
  readonly send: Transport;
  readonly pacing: Pacing;
  readonly policy: RetryPolicy;
}

function fetchWithRetry<T>(
  shared: Shared,
  auth: Authenticator,
  request: ClientRequest,
  read: (response: HttpResponse) => Promise<T>,
): Promise<T> {
  const { context, redactor } = shared;
  const address = redactor.address(request.url);
  const method = request.method ?? 'GET';
  let renewed = false;

  const attempt = async (): Promise<Attempt<T>> => {
    const response = await follow(shared, auth, request);
    context.log({ kind: 'request', method, address, status: response.status });
    if (response.status < 400 || request.accept?.includes(response.status)) {
      return { done: await read(response) };
    }
    const body = redactor.clean(await startOf(response.body));
    if (response.status === 401 && !renewed && auth.renew()) {
      renewed = true;
      return attempt();
    }
    const nowMs = context.clock.nowMs();
    const failure = classifyFailure(response, { method, address, nowMs, body });
    if (failure.kind === 'fatal') throw failure.error;
    if (failure.kind === 'retry') return failure;
    const error = new HakiriError('source.rate_limited', `${method} ${address} is rate limited`, {
      details: { method, address, status: response.status },
    });
    return failure.afterMs === undefined
      ? { error, rateLimited: true }
      : { error, rateLimited: true, afterMs: failure.afterMs };
  };

  return withRetry(
    async () => {
      try {
        return await attempt();
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason;
        const retry = retryOf(error);
        if (retry === undefined) throw error;
        return retry;
      }
    },
    shared.policy,
    {
      clock: context.clock,
      random: context.random,
      signal: request.signal,
      onWait: ({ waitMs, attempt: number, error }) =>
        context.log({ kind: 'waiting', address, waitMs, attempt: number, why: error.code }),
    },
  );
}

/** One exchange, redirects followed: each is checked like a first address, and loses the credentials elsewhere. */
async function follow(shared: Shared, auth: Authenticator, request: ClientRequest): Promise<HttpResponse> {
  let url = request.url;
  let method = request.method ?? 'GET';
  let body = request.body;
  for (let hops = 0; ; hops++) {
    const response = await exchange(shared, auth, request, {
      url,
      method,
      ...(body === undefined ? {} : { body }),
    });
    const location = response.headers.location;
    if (!isRedirect(response.status) || location === undefined) return response;
    await leaveBody(response.body);
    if (hops === MAX_REDIRECTS) {
      throw redirectError(shared, request.url, `redirects more than ${MAX_REDIRECTS} times`);
    }
    const target = URL.parse(location, url);
    if (target === null)
      throw redirectError(shared, request.url, 'redirects to something that is no address');
    if (url.protocol === 'https:' && target.protocol !== 'https:') {
      throw redirectError(shared, request.url, 'redirects from https to an address without it');
    }
    if (response.status === 303 || (method === 'POST' && response.status < 303)) {
      method = 'GET';
      body = undefined;
    }
    url = target;
  }
}

async function exchange(
  shared: Shared,
  auth: Authenticator,
  request: ClientRequest,
  hop: Pick<HttpRequest, 'method' | 'body'> & { readonly url: URL },
): Promise<HttpResponse> {
  const atHome = hop.url.origin === shared.origin;
  const url = new URL(hop.url);
  // A header the manifest sets may be a credential too: a redirect does not carry it to another origin.
  const headers = { ...(hop.url.origin === request.url.origin ? request.headers : undefined) };
  if (atHome) await auth.apply(url, headers, request.signal);
  await shared.pacing.turn(request.signal);
  const response = await shared.send({
    method: hop.method,
    url,
    headers,
    signal: request.signal,
    ...(hop.body === undefined ? {} : { body: hop.body }),
  });
  shared.pacing.observe(response.headers);
  return response;
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function redirectError(shared: Shared, url: URL, what: string): HakiriError {
  return new HakiriError('source.redirect', `${shared.redactor.address(url)} ${what}`);
}

const MAX_ERROR_BODY_BYTES = 16 * 1024;

/** The start of an error's body, as text; empty when it cannot be read. */
async function startOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_ERROR_BODY_BYTES) break;
    }
  } catch {
    // What arrived is enough to tell what the status alone does not.
  }
  return Buffer.concat(chunks).subarray(0, MAX_ERROR_BODY_BYTES).toString('utf8');
}
