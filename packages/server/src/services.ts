import type { Attenuator, AuditSink, Clock, Gatekeeper, Memory, Pipelines, Serve } from '@hakiri/core';

/** What the server is given: it opens no store, reads no manifest and knows no connector itself. */
export interface ServerServices {
  /** Names the project in `hakiri://` addresses. */
  readonly project: string;
  readonly version: string;
  readonly serve: Serve;
  readonly memory: Memory;
  readonly pipelines: Pipelines;
  readonly runs: Runs;
  readonly clock: Clock;
  /** Looks at the token of each request. */
  readonly gatekeeper: Gatekeeper;
  readonly attenuator: Attenuator;
  /** For what `serve` and `memory` do not record themselves. */
  readonly audit: AuditSink;
}

/** Where the rows of a citation came in. */
export interface Runs {
  /** Undefined where there is no such run. Whoever asks is not looked at: the server shows those of visible tables. */
  find(run: string): Promise<RunSummary | undefined>;
}

export interface RunSummary {
  readonly run: string;
  readonly table: string;
  readonly rows: number;
  readonly pipeline: string;
  readonly connector: string;
  readonly author: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly committedAt: string;
}
