import { HakiriError, type QueryRequest } from '@hakiri/core';
import type { SessionLimits } from '@hakiri/engine';

const DEFAULT_TIMEOUT_MS = 60_000;
/** An answer is held in memory, several times over, on its way to whoever asked. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

export interface PageLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
}

export function pageLimits({ limit, maxBytes }: QueryRequest): PageLimits {
  return { maxRows: limit ?? Number.MAX_SAFE_INTEGER, maxBytes: maxBytes ?? DEFAULT_MAX_BYTES };
}

interface Deadline {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One deadline for all that a request asks of the engine. */
export function sessionLimits({ timeoutMs = DEFAULT_TIMEOUT_MS, signal }: Deadline): () => SessionLimits {
  const endsAt = performance.now() + timeoutMs;
  return () => {
    const leftMs = endsAt - performance.now();
    if (leftMs > 0) return { timeoutMs: Math.max(1, Math.ceil(leftMs)), signal };
    throw new HakiriError('query.timeout', `The query ran longer than ${timeoutMs / 1000} s`);
  };
}

/** Nothing of an answer fits: asking on would give nothing, again and again. */
export function requireProgress(rows: number, truncated: false | 'rows' | 'bytes'): void {
  if (rows > 0 || truncated !== 'bytes') return;
  throw new HakiriError('query.too_large', 'A single row is larger than the answer may be', {
    hint: 'Select fewer columns, or ask for a part of the text: substr(column, 1, 1000).',
  });
}
