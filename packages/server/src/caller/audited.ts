import { type AuditAction, type AuditSink, type Grant, isHakiriError } from '@hakiri/core';

export interface AuditedCall {
  readonly action: AuditAction;
  readonly grant: Grant;
  readonly target?: string;
}

/** What `Serve` does not record itself: one record before the answer leaves, or before it is said why there is none. */
export async function audited<T>(
  audit: AuditSink,
  call: AuditedCall,
  work: () => Promise<T>,
  rowsOf: (answer: T) => number = () => 0,
): Promise<T> {
  let answer: T;
  try {
    answer = await work();
  } catch (error) {
    const code = isHakiriError(error) ? error.code : 'internal';
    const outcome = /^(?:access|token)\./.test(code) ? 'refused' : 'failed';
    await audit.record({ ...call, outcome, code, reads: [], rows: 0 });
    throw error;
  }
  await audit.record({ ...call, outcome: 'granted', reads: [], rows: rowsOf(answer) });
  return answer;
}
