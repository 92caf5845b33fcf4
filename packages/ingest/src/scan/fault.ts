import type { SetAside } from '@hakiri/core';

/** Why a record cannot be taken. Names keys and types, never a value. */
export interface Fault {
  readonly kind: 'fault';
  readonly code: SetAside['code'];
  readonly reason: string;
  readonly column?: string;
}

export function fault(code: SetAside['code'], reason: string, column?: string): Fault {
  return column === undefined ? { kind: 'fault', code, reason } : { kind: 'fault', code, reason, column };
}
