import { type ErrorCode, HakiriError } from '@hakiri/core';

const DISK_FULL = /no space left|disk quota|ENOSPC|File too large/i;
const OUT_OF_MEMORY = /out of memory|failed to allocate|could not allocate|memory limit/i;
const DISK = /^IO Error|Could not (write|read|create|open)|Input\/output error/i;

/**
 * The engine's message as one of our errors. Engine messages quote values of rows, so that only what is known to
 * name none is passed on.
 */
export function mapEngineError(error: unknown, otherwise: ErrorCode, what: string): HakiriError {
  const message = error instanceof Error ? error.message : String(error);
  if (DISK_FULL.test(message))
    return new HakiriError('store.disk_full', `The disk filled up while ${what}`, { cause: error });
  if (OUT_OF_MEMORY.test(message)) {
    return new HakiriError('engine.out_of_memory', `The engine ran out of memory while ${what}`, {
      cause: error,
    });
  }
  if (/permission denied/i.test(message)) {
    return new HakiriError('store.read_only', `The engine may not write while ${what}`, { cause: error });
  }
  if (DISK.test(message))
    return new HakiriError('store.io', `The disk failed while ${what}`, { cause: error });
  return new HakiriError(otherwise, `The engine failed while ${what}: ${engineErrorKind(message)}`, {
    cause: error,
  });
}

/** "Conversion Error", "Binder Error": the part of an engine's message that never holds a value. */
export function engineErrorKind(message: string): string {
  return /^([A-Z][A-Za-z ]+ Error)/.exec(message)?.[1] ?? 'unknown error';
}
