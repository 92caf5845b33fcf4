import type { Clock } from '@hakiri/core';
import type { ServerContext } from '@modelcontextprotocol/server';

/** Says how far a call has come. Cheap to call often. */
export type ReportProgress = (progress: number, message: string) => void;

/** Between two notifications; those between are dropped. */
const LEAST_GAP_MS = 100;

/** Sends what the client asked for with a progress token, and nothing otherwise. Progress only grows. */
export function progressReporter(
  { mcpReq }: ServerContext,
  clock: Clock,
  onError: (error: Error) => void,
): ReportProgress {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return () => {};
  let last = { progress: -1, atMs: Number.NEGATIVE_INFINITY };
  return (progress, message) => {
    const atMs = clock.monotonicMs();
    if (progress <= last.progress || atMs - last.atMs < LEAST_GAP_MS || mcpReq.signal.aborted) return;
    last = { progress, atMs };
    mcpReq
      .notify({ method: 'notifications/progress', params: { progressToken, progress, message } })
      .catch(onError);
  };
}
