import { HakiriError } from '@hakiri/core';
import type { HttpResponse } from './transport.ts';

/** What to do about an answer that is not the one asked for. */
export type HttpFailure =
  | { readonly kind: 'retry'; readonly error: HakiriError; readonly afterMs?: number }
  | { readonly kind: 'rate-limited'; readonly afterMs?: number }
  | { readonly kind: 'fatal'; readonly error: HakiriError };

const RETRIED = new Set([408, 425, 500, 502, 503, 504]);

export interface FailureContext {
  readonly method: string;
  /** Without secrets. */
  readonly address: string;
  readonly nowMs: number;
  /** The start of the body, secrets removed. */
  readonly body: string;
}

/** Sorts an error answer (a status of 400 and above). */
export function classifyFailure(
  response: Pick<HttpResponse, 'status' | 'headers'>,
  context: FailureContext,
): HttpFailure {
  const { status, headers } = response;
  if (status === 429 || (status === 403 && saysRateLimit(headers, context.body))) {
    return { kind: 'rate-limited', ...optionalMs(rateLimitWaitMs(headers, context)) };
  }
  if (status === 401 || status === 403)
    return { kind: 'fatal', error: httpError('source.auth', status, context) };
  if (status === 404 || status === 410) {
    return { kind: 'fatal', error: httpError('source.not_found', status, context) };
  }
  const error = httpError('source.http_status', status, context);
  if (!RETRIED.has(status)) return { kind: 'fatal', error };
  return { kind: 'retry', error, ...optionalMs(retryAfterMs(headers, context.nowMs)) };
}

const optionalMs = (afterMs: number | undefined) => (afterMs === undefined ? {} : { afterMs });

/**
 * GitHub and others answer 403 when a limit is reached: with no calls remaining, with Retry-After, or with
 * words only (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api).
 */
function saysRateLimit(headers: HttpResponse['headers'], body: string): boolean {
  return (
    headers['x-ratelimit-remaining'] === '0' ||
    headers['retry-after'] !== undefined ||
    /rate limit|abuse detection/i.test(body)
  );
}

/** GitHub asks for at least a minute where a secondary limit names no time. */
const UNNAMED_LIMIT_WAIT_MS = 60_000;

function rateLimitWaitMs(headers: HttpResponse['headers'], context: FailureContext): number | undefined {
  const named = retryAfterMs(headers, context.nowMs);
  if (named !== undefined) return named;
  if (remainingCalls(headers) === 0) {
    const resetMs = rateLimitResetMs(headers, context.nowMs);
    if (resetMs !== undefined) return Math.max(0, resetMs - context.nowMs);
  }
  return /secondary rate limit|abuse detection/i.test(context.body) ? UNNAMED_LIMIT_WAIT_MS : undefined;
}

/** Milliseconds asked for by Retry-After, which is seconds or a date (RFC 9110, 10.2.3). */
function retryAfterMs(headers: HttpResponse['headers'], nowMs: number): number | undefined {
  const value = headers['retry-after']?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}

export function remainingCalls(headers: HttpResponse['headers']): number | undefined {
  return numberHeader(headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining']);
}

/** When the limit is lifted, in milliseconds since 1970. The header holds seconds or milliseconds since 1970, or seconds from now. */
export function rateLimitResetMs(headers: HttpResponse['headers'], nowMs: number): number | undefined {
  const seconds = numberHeader(headers['x-ratelimit-reset'] ?? headers['ratelimit-reset']);
  if (seconds === undefined) return undefined;
  const EPOCH_SECONDS_OF_2001 = 1e9;
  const EPOCH_SECONDS_OF_5138 = 1e11;
  if (seconds >= EPOCH_SECONDS_OF_5138) return seconds;
  return seconds >= EPOCH_SECONDS_OF_2001 ? seconds * 1000 : nowMs + seconds * 1000;
}

function numberHeader(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value.trim()) ? Number(value) : undefined;
}

function httpError(
  code: 'source.auth' | 'source.not_found' | 'source.http_status',
  status: number,
  context: FailureContext,
): HakiriError {
  const said = serverMessage(context.body);
  return new HakiriError(
    code,
    `${context.method} ${context.address} answered ${status}${said === undefined ? '' : `: ${said}`}`,
    { details: { method: context.method, address: context.address, status } },
  );
}

const MAX_MESSAGE_LENGTH = 200;

/** What a JSON error body says in its `message` or `error`, on one line. */
function serverMessage(body: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  for (const key of ['message', 'error_description', 'error', 'detail', 'title']) {
    const value = (parsed as Record<string, unknown>)[key];
    if (typeof value === 'string' && value !== '') {
      return value.replace(/\s+/g, ' ').slice(0, MAX_MESSAGE_LENGTH);
    }
  }
  return undefined;
}
