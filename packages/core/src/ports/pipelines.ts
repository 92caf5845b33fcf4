import type { Job, JobState } from './catalog.ts';

/** What may be run, and running it: the same for a schedule, a command and an agent. */
export interface Pipelines {
  list(): Promise<readonly PipelineSummary[]>;
  /**
   * Runs one pipeline to its end; `progress` is called as rows are committed. Aborting ends it at the next commit.
   * @throws HakiriError usage.unknown_name; pipeline.running where it cannot run twice at once
   */
  run(id: string, options: PipelineRunOptions): Promise<PipelineRan>;
}

export interface PipelineSummary {
  readonly id: string;
  readonly connector: string;
  /** Tables in the store that it feeds; undefined until a first run where the source decides. */
  readonly tables: readonly string[] | undefined;
  readonly schedule: string | undefined;
  /** ISO 8601, UTC; undefined without a schedule or a scheduler. */
  readonly nextRun: string | undefined;
  readonly running: boolean;
  readonly lastJob: Job | undefined;
}

export interface PipelineRunOptions {
  readonly progress?: (progress: PipelineProgress) => void;
  readonly signal?: AbortSignal;
}

export interface PipelineProgress {
  /** Committed so far, all tables. */
  readonly rows: number;
  readonly message: string;
}

export interface PipelineRan {
  readonly job: string;
  readonly state: Exclude<JobState, 'running'>;
  readonly tables: readonly {
    readonly table: string;
    readonly rows: number;
    readonly setAside: number;
    readonly runs: readonly string[];
    readonly error: { readonly code: string; readonly message: string; readonly hint?: string } | undefined;
  }[];
}
