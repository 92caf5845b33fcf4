import type { Clock } from '@hakiri/core';
import { HakiriError } from '@hakiri/core';
import { rateLimitResetMs, remainingCalls } from './http-failure.ts';
import { rateLimited } from './retry.ts';
import type { HttpResponse } from './transport.ts';

export interface PacingOptions {
  /** Undefined: as fast as the source answers. */
  readonly requestsPerSecond: number | undefined;
  /** Longest wait for a limit to be lifted. */
  readonly maxWaitMs: number;
}

/** Holds requests back, so that the source need not refuse them. */
export interface Pacing {
  /** Resolves when the next request may be sent; throws source.rate_limited when that is too far off. */
  turn(signal: AbortSignal): Promise<void>;
  /** Learns from the limits an answer carries. */
  observe(headers: HttpResponse['headers']): void;
}

export function createPacing(options: PacingOptions, clock: Clock): Pacing {
  const bucket = createTokenBucket(options.requestsPerSecond, clock);
  let closedUntilMs = 0;
  return {
    async turn(signal) {
      const waitMs = closedUntilMs - clock.nowMs();
      if (waitMs > options.maxWaitMs) {
        throw rateLimited(
          new HakiriError('source.rate_limited', 'The source allows no more requests'),
          closedUntilMs,
        );
      }
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      await bucket(signal);
    },
    observe(headers) {
      if (remainingCalls(headers) !== 0) return;
      closedUntilMs = rateLimitResetMs(headers, clock.nowMs()) ?? closedUntilMs;
    },
  };
}

/** A bucket of one second's requests (at least one), filled evenly. Waiters are served in order. */
function createTokenBucket(
  perSecond: number | undefined,
  clock: Clock,
): (signal: AbortSignal) => Promise<void> {
  if (perSecond === undefined) return async () => {};
  const capacity = Math.max(1, Math.floor(perSecond));
  let tokens = capacity;
  let filledAtMs = clock.monotonicMs();
  return async (signal) => {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(capacity, tokens + ((nowMs - filledAtMs) * perSecond) / 1000);
    filledAtMs = nowMs;
    // The token is taken before the wait, in debt if need be: the next caller queues behind it.
    tokens -= 1;
    if (tokens < 0) await clock.sleep(Math.ceil((-tokens * 1000) / perSecond), signal);
  };
}
