import type { AuditSink, Clock, ErrorCode } from '@hakiri/core';

/** Whoever knocks without a good token could fill the disk with records of it: some a minute say as much. */
const MOST_A_MINUTE = 60;
const MINUTE_MS = 60_000;

/** Tokens that were refused at the door go into the audit, and not all of a flood of them. */
export function createRefusals(
  audit: AuditSink,
  clock: Pick<Clock, 'monotonicMs'>,
): { note(code: ErrorCode, via: string): Promise<void> } {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let noted = 0;
  return {
    async note(code, via) {
      const nowMs = clock.monotonicMs();
      if (nowMs - sinceMs >= MINUTE_MS) [sinceMs, noted] = [nowMs, 0];
      if (noted++ >= MOST_A_MINUTE) return;
      await audit.record({
        action: 'token_refused',
        grant: undefined,
        outcome: 'refused',
        code,
        reads: [],
        rows: 0,
        target: via,
      });
    },
  };
}
