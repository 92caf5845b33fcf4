import type { Commit, ErrorCode, JobId, PipelineId, PullProgress, TableName } from '@hakiri/core';

/** What happens while pipelines run, for whoever shows it. */
export type RunEvent =
  | {
      readonly kind: 'table-started';
      readonly table: TableRef;
      readonly firstRun: boolean;
      /** The pull starts where the source does, though it is not the first. */
      readonly fromStart?: boolean;
    }
  | {
      readonly kind: 'progress';
      readonly table: TableRef;
      /** Since the table started. */
      readonly rows: number;
      readonly bytes: number;
      readonly elapsedMs: number;
      readonly pull: PullProgress | undefined;
    }
  | { readonly kind: 'committed'; readonly table: TableRef; readonly commit: Commit }
  | { readonly kind: 'warning'; readonly table: TableRef; readonly code: ErrorCode; readonly message: string }
  /** About the run as a whole: it waits for another process, a source asked for patience. */
  | { readonly kind: 'note'; readonly message: string }
  | { readonly kind: 'table-done'; readonly report: TableReport };

export interface TableRef {
  readonly pipeline: PipelineId;
  readonly source: string;
  readonly table: TableName;
}

export interface TableReport {
  readonly ref: TableRef;
  /** `partial_failure`: something was committed before the error. */
  readonly state: 'done' | 'partial_failure' | 'failed' | 'interrupted';
  readonly rows: number;
  readonly setAside: number;
  readonly commits: readonly Commit[];
  readonly elapsedMs: number;
  readonly error: Error | undefined;
}

export interface RunReport {
  readonly job: JobId;
  readonly tables: readonly TableReport[];
}

/** What a run would do. */
export interface TablePlan {
  readonly ref: TableRef;
  readonly mode: string;
  readonly primaryKey: readonly string[];
  readonly incremental: string | undefined;
  readonly cursor: string | undefined;
  readonly pages: number | undefined;
  readonly files: number | undefined;
  readonly bytes: number | undefined;
  /** In words, as the schema history keeps them; empty when nothing would change, undefined where nothing could be read ahead. */
  readonly schemaChanges: readonly string[] | undefined;
  readonly warnings: readonly string[];
}
