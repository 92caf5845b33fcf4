import { HakiriError } from '@hakiri/core';

export interface SessionLimits {
  /** Undefined: as long as it takes. Counted from the call, waiting for a child included. */
  readonly timeoutMs: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What ends a request before its answer. */
export interface Deadline {
  /** Settles never, or fails when the request has to end. */
  readonly passed: Promise<never>;
  /** Set once `passed` has failed. */
  readonly reason: HakiriError | undefined;
  /** The request has ended by itself. */
  clear(): void;
}

/** @throws HakiriError through `passed`: query.timeout, interrupted */
export function startDeadline({ timeoutMs, signal }: SessionLimits): Deadline {
  let reason: HakiriError | undefined;
  let fail: (reason: HakiriError) => void = () => {};
  const passed = new Promise<never>((_, reject) => {
    fail = (why) => {
      reason ??= why;
      reject(reason);
    };
  });
  passed.catch(() => {});
  const onAbort = (): void => fail(new HakiriError('interrupted', 'The query was stopped'));
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(
          () => fail(new HakiriError('query.timeout', `The query ran longer than ${timeoutMs / 1000} s`)),
          Math.min(timeoutMs, LONGEST_TIMER_MS),
        );
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return {
    passed,
    get reason() {
      return reason;
    },
    clear() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

/** A longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
