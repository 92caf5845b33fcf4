import { refusedZones } from '@hakiri/access';
import {
  type AuditAction,
  type AuditRead,
  type AuditSink,
  type ErrorCode,
  type Grant,
  HakiriError,
  isHakiriError,
} from '@hakiri/core';
import { requestDigest } from './continuation.ts';

/** What a call came to. */
export interface Done<T> {
  readonly answer: T;
  /** In the answer. */
  readonly rows: number;
  readonly reads: readonly AuditRead[];
}

export interface Call {
  readonly action: AuditAction;
  readonly grant: Grant;
  /** As it was carried out. */
  readonly request: unknown;
  readonly target?: string;
}

/** Carries a call out. What it came to is on record before anybody hears of it. */
export type Recorded = <T>(call: Call, carryOut: () => Promise<Done<T>>) => Promise<T>;

/** @throws HakiriError audit.unavailable in place of the answer; access.zone_refused */
export function recordedBy(audit: AuditSink): Recorded {
  return async (call, carryOut) => {
    const { action, grant, target } = call;
    const event = {
      action,
      grant,
      planHash: requestDigest(call.request),
      ...(target === undefined ? {} : { target }),
    };
    const done = await attempted(grant, carryOut).catch(async (error: unknown) => {
      const code = isHakiriError(error) ? error.code : 'internal';
      await audit.record({ ...event, outcome: outcomeOf(code), code, reads: [], rows: 0 });
      throw error;
    });
    const { rows, reads } = done;
    await audit.record({ ...event, outcome: 'granted', reads, rows });
    return done.answer;
  };
}

async function attempted<T>(grant: Grant, carryOut: () => Promise<Done<T>>): Promise<Done<T>> {
  requireZone(grant);
  return carryOut();
}

/** @throws HakiriError access.zone_refused for a caller that is not where its grant holds */
export function requireZone(grant: Grant): void {
  const zones = refusedZones(grant);
  if (zones === undefined) return;
  const where = grant.zone === undefined ? 'in no zone that is known' : `in ${grant.zone}`;
  throw new HakiriError(
    'access.zone_refused',
    `The caller is ${where}, and may read in ${zones.join(', ')} only`,
  );
}

function outcomeOf(code: ErrorCode): 'refused' | 'failed' {
  return code.startsWith('access.') ? 'refused' : 'failed';
}
