import type { Clock } from '@hakiri/core';

export interface RetryPolicy {
  /** How often a request is sent at most. */
  readonly attempts: number;
  /** How often it may take all the time it has. */
  readonly slowAttempts: number;
  /** Longest pause before the second attempt; doubled for each one after it. */
  readonly baseMs: number;
  readonly capMs: number;
  /** A wait asked for that is longer is not waited for. */
  readonly maxAskedMs: number;
}

/** Somebody waits for the answer to a question; an index can wait itself. */
export const POLICIES: Readonly<Record<'document' | 'query', RetryPolicy>> = {
  document: { attempts: 5, slowAttempts: 2, baseMs: 500, capMs: 8000, maxAskedMs: 60_000 },
  query: { attempts: 2, slowAttempts: 1, baseMs: 200, capMs: 200, maxAskedMs: 1000 },
};

/** What an attempt came to: done, or an error that may pass. */
export type Attempt<T> =
  | { readonly done: T }
  | { readonly error: Error; readonly afterMs?: number; readonly slow?: boolean };

export async function withRetry<T>(
  attempt: () => Promise<Attempt<T>>,
  policy: RetryPolicy,
  context: { readonly clock: Clock; readonly random: () => number; readonly signal: AbortSignal },
): Promise<T> {
  let slow = 0;
  for (let sent = 1; ; sent++) {
    context.signal.throwIfAborted();
    const outcome = await attempt();
    if ('done' in outcome) return outcome.done;
    const asked = outcome.afterMs;
    if (outcome.slow) slow++;
    if (sent >= policy.attempts || slow >= policy.slowAttempts) throw outcome.error;
    if (asked !== undefined && asked > policy.maxAskedMs) throw outcome.error;
    const pause = Math.min(policy.capMs, policy.baseMs * 2 ** (sent - 1));
    // Full jitter, so that clients do not march in step.
    await context.clock.sleep(asked ?? Math.round(context.random() * pause), context.signal);
  }
}

/** Milliseconds of a `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3). */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}(\.\d+)?$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
