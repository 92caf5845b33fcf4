import type { CommandRoutes } from './app.ts';
import type { OpenSearch } from './search-parts.ts';

/** What an entry point holds beside the core. Nothing that the core does not have is imported by it. */
export interface Profile {
  /** Commands beside those of the core. */
  readonly routes: CommandRoutes;
  /** Missing where there is nothing to search with. */
  readonly openSearch?: OpenSearch;
}

export const CORE_PROFILE: Profile = { routes: {} };
