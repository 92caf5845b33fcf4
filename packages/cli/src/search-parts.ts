import type { CatalogTable, Clock, Files, Manifest } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import type { SearchServices } from '@hakiri/retrieval';
import type { IndexEvent, Indexes } from '@hakiri/retrieval/indexes';
import type { Layout } from '@hakiri/store';

/** What search is made of, beside the store. The core profile has none of it, and knows only this form. */
export interface SearchParts {
  readonly indexes: Indexes;
  /** What is declared now, and beside it what another manifest declares. */
  indexesWith(other: Manifest): Indexes;
  /** What `serve` is given. */
  readonly serving: SearchServices;
  close(): Promise<void>;
}

export interface SearchContext {
  readonly folder: string;
  readonly paths: Layout;
  readonly files: Files;
  readonly clock: Clock;
  readonly engine: Engine;
  /** The one in force now: a daemon reads it anew when it changes. */
  manifest(): Manifest;
  /** As the store's catalog has them now. */
  tables(): Promise<readonly CatalogTable[]>;
  /** @throws HakiriError secret.missing */
  readSecret(name: string): string;
  /** Told, and nothing stops for it. */
  onEvent(event: IndexEvent): void;
}

export type OpenSearch = (context: SearchContext) => Promise<SearchParts>;
