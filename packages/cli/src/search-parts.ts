import type { Clock, Files, Manifest } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';

/** What search is made of, beside the store. The core profile has none of it, and knows only this form. */
export interface SearchParts {
  close(): Promise<void>;
}

export interface SearchContext {
  /** `.hakiri` */
  readonly root: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly engine: Engine;
  /** The one in force now: a daemon reads it anew when it changes. */
  manifest(): Manifest;
  /** @throws HakiriError secret.missing */
  readSecret(name: string): string;
}

export type OpenSearch = (context: SearchContext) => Promise<SearchParts>;
