import type { Grant } from './access.ts';
import type { JsonValue } from './serve.ts';

/** Takes a record of what somebody asked for. */
export interface AuditSink {
  /**
   * Resolves once the record is on disk: no answer leaves before.
   * @throws HakiriError audit.unavailable where it cannot be written: then there is no answer
   */
  record(event: AuditEvent): Promise<void>;
  close(): Promise<void>;
}

export type AuditAction =
  | 'query'
  | 'get'
  | 'tables'
  | 'describe'
  | 'export'
  | 'run_read'
  | 'memory_write'
  | 'memory_forget'
  | 'pipeline_list'
  | 'pipeline_run'
  | 'token_refused'
  | 'token_attenuate'
  | 'session_incognito';

export interface AuditEvent {
  readonly action: AuditAction;
  /** Undefined where nobody was let in. */
  readonly grant: Grant | undefined;
  readonly outcome: 'granted' | 'refused' | 'failed';
  /** Of the error, where it was not granted. */
  readonly code?: string;
  readonly reads: readonly AuditRead[];
  /** In the answer. */
  readonly rows: number;
  /** Over the request as it was carried out; equal requests have equal ones. */
  readonly planHash?: string;
  /** Pipelines, namespaces, runs: what else it was about. */
  readonly target?: string;
}

/** What one table gave. */
export interface AuditRead {
  readonly table: string;
  /** Of the table, that the answer drew on; undefined where that is not known: then any. */
  readonly columns?: readonly string[];
  /**
   * `returned`: the rows with these keys were given. `counted`: rows may have had a part in an aggregate, a search or
   * an export; which ones, snapshot and predicate say.
   */
  readonly how: 'returned' | 'counted';
  /** In clear; the log holds keyed digests. */
  readonly keys?: readonly (readonly JsonValue[])[];
  readonly snapshot?: string | null;
  readonly predicate?: string | null;
}

/** For what is built without one, and for measuring without. */
export const NO_AUDIT: AuditSink = { record: async () => {}, close: async () => {} };
