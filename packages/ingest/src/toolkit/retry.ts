import type { Clock } from '@hakiri/core';
import { HakiriError, isHakiriError } from '@hakiri/core';

export interface RetryPolicy {
  /** How often a request is sent at most. */
  readonly maxAttempts: number;
  /** Longest pause before the second attempt; doubled for each one after it. */
  readonly baseMs: number;
  readonly capMs: number;
  /** Longest total waiting for one request, asked for by the source or chosen by us. */
  readonly maxWaitMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 6,
  baseMs: 500,
  capMs: 30_000,
  maxWaitMs: 10 * 60_000,
};

/** Thrown by an attempt that may be made again. */
export interface RetrySignal {
  readonly error: HakiriError;
  /** What the source asked for. */
  readonly afterMs?: number;
  readonly rateLimited?: boolean;
}

export interface RetryContext {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Called before each wait. */
  readonly onWait: (wait: { waitMs: number; attempt: number; error: HakiriError }) => void;
}

/** What an attempt came to. */
export type Attempt<T> = { readonly done: T } | RetrySignal;

/**
 * Makes attempts until one is done. Throws the last error when the attempts are used up, and
 * source.rate_limited when the source asks for more waiting than the policy has left.
 */
export async function withRetry<T>(
  attempt: (number: number) => Promise<Attempt<T>>,
  policy: RetryPolicy,
  context: RetryContext,
): Promise<T> {
  let waitedMs = 0;
  for (let number = 1; ; number++) {
    context.signal.throwIfAborted();
    const outcome = await attempt(number);
    if ('done' in outcome) return outcome.done;
    const waitMs = outcome.afterMs ?? backoffMs(policy, number, context.random());
    if (outcome.rateLimited && waitedMs + waitMs > policy.maxWaitMs) {
      throw rateLimited(outcome.error, context.clock.nowMs() + waitMs);
    }
    if (number >= policy.maxAttempts || waitedMs + waitMs > policy.maxWaitMs) throw outcome.error;
    context.onWait({ waitMs, attempt: number, error: outcome.error });
    await context.clock.sleep(waitMs, context.signal);
    waitedMs += waitMs;
  }
}

/** Exponential backoff with full jitter: anywhere up to the doubled pause, so that clients do not march in step. */
function backoffMs(policy: RetryPolicy, attempt: number, random: number): number {
  return Math.round(random * Math.min(policy.capMs, policy.baseMs * 2 ** (attempt - 1)));
}

export function rateLimited(cause: HakiriError, untilMs: number): HakiriError {
  const until = new Date(untilMs).toISOString();
  return new HakiriError('source.rate_limited', `${cause.message}; it asks to wait until ${until}`, {
    hint: `Run again after ${until}; the next run goes on from the last commit.`,
    details: { ...cause.details, until },
  });
}

/** Hosts that do not exist and certificates that are wrong stay so: only what may pass is tried again. */
const LASTING = /^(ENOTFOUND|ERR_TLS|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_SSL|UND_ERR_INVALID)/;

/** The retry an error calls for, if any. */
export function retryOf(error: unknown): RetrySignal | undefined {
  if (!isHakiriError(error)) return undefined;
  if (error.code === 'source.truncated') return { error };
  if (error.code === 'source.network' && !LASTING.test(String(error.details.reason ?? ''))) {
    return { error };
  }
  return undefined;
}
