import type { Clock, Grant, Memory, Pipelines, Serve } from '@hakiri/core';

/** What the server is given: it opens no store, reads no manifest and knows no connector itself. */
export interface ServerServices {
  /** Names the project in `hakiri://` addresses. */
  readonly project: string;
  readonly version: string;
  readonly serve: Serve;
  readonly memory: Memory;
  readonly pipelines: Pipelines;
  readonly clock: Clock;
  /** Whoever asks over a transport that has let them in. */
  readonly grant: Grant;
}
