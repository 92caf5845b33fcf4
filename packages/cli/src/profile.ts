import type { DoctorCheck } from '@hakiri/store';
import type { CommandRoutes } from './app.ts';
import type { Environment } from './output.ts';
import type { OpenSearch } from './search-parts.ts';

/** What an entry point holds beside the core. Nothing that the core does not have is imported by it. */
export interface Profile {
  /** Commands beside those of the core. */
  readonly routes: CommandRoutes;
  /** Missing where there is nothing to search with. */
  readonly openSearch?: OpenSearch;
  /** Whether an agent that starts this program is answered. */
  readonly checkServer?: (folder: string, env: Environment) => Promise<DoctorCheck>;
}

export const CORE_PROFILE: Profile = { routes: {} };
