import type { AuditEvent, AuditRead } from '@hakiri/core';
import type { AuditKeys } from './audit-keys.ts';

/** A record as it is read back. Names as in the log; what was not there is undefined. */
export interface AuditRecord {
  readonly seq: number;
  readonly at: string;
  readonly action: string;
  readonly outcome?: 'granted' | 'refused' | 'failed';
  readonly code?: string;
  readonly agent?: string;
  readonly host?: string;
  readonly on_behalf_of?: string;
  readonly task?: string;
  readonly delegates?: readonly { readonly agent: string; readonly task?: string }[];
  /** Revocation ids, the authority's first. */
  readonly tokens?: readonly string[];
  /** Digest of the grant: whoever has the same sees the same. */
  readonly grant?: string;
  readonly as_owner?: true;
  readonly zone?: string;
  readonly via?: string;
  readonly traceparent?: string;
  readonly reads?: readonly RecordedRead[];
  readonly rows?: number;
  readonly plan?: string;
  readonly target?: string;
  /** Of `log_recovered`: see `recover.ts`. */
  readonly reason?: string;
  readonly adopted?: number;
  readonly cut_bytes?: number;
}

export interface RecordedRead {
  readonly table: string;
  readonly columns?: readonly string[];
  readonly how: AuditRead['how'];
  /** Keyed digests. */
  readonly keys?: readonly string[];
  readonly snapshot?: string | null;
  readonly predicate?: string | null;
}

/** The inside of a record's JSON object, less what chains it. No key of a row is in it in clear, and no token. */
export function recordMembers(event: AuditEvent, keys: AuditKeys): string {
  const { grant, reads, planHash } = event;
  const { principal } = grant ?? {};
  const text = JSON.stringify({
    action: event.action,
    outcome: event.outcome,
    code: event.code,
    agent: principal?.agent,
    host: principal?.host,
    on_behalf_of: principal?.onBehalfOf,
    task: principal?.task,
    delegates: principal !== undefined && principal.delegates.length > 0 ? principal.delegates : undefined,
    tokens: grant !== undefined && grant.tokenIds.length > 0 ? grant.tokenIds : undefined,
    grant: grant?.digest,
    as_owner: grant?.asOwner === true ? true : undefined,
    zone: grant?.zone,
    via: grant?.via,
    traceparent: grant?.traceparent?.slice(0, 128),
    rows: event.rows,
    plan: planHash,
    target: event.target,
    reads: reads.length > 0 ? reads.map((read) => recordedRead(read, keys)) : undefined,
  });
  return text.slice(1, -1);
}

function recordedRead(
  { table, columns, how, keys: rows, snapshot, predicate }: AuditRead,
  keys: AuditKeys,
): RecordedRead {
  return {
    table,
    how,
    ...(columns === undefined ? {} : { columns }),
    ...(rows === undefined ? {} : { keys: rows.map((key) => keys.keyDigest(table, key)) }),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(predicate === undefined ? {} : { predicate }),
  };
}
