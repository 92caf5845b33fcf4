import { type ErrorCode, HakiriError } from '@hakiri/core';

/** What would meet every other list of the source as well: the next request is not worth making. */
const EVERYWHERE: readonly ErrorCode[] = ['source.rate_limited', 'source.network', 'source.host_refused'];

/** Whether another list of the same source may still be readable after this failure. */
export function concernsOneList(error: unknown): error is HakiriError {
  return error instanceof HakiriError && error.code.startsWith('source.') && !EVERYWHERE.includes(error.code);
}
