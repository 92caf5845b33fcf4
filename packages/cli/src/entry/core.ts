#!/usr/bin/env node
/** The core profile: it pulls, keeps and queries. No search, no server. */
import { start } from './start.ts';

await start({
  jobs: async () => (await import('@hakiri/store/jobs')).storeJobs,
  profile: async () => (await import('../profile.ts')).CORE_PROFILE,
});
