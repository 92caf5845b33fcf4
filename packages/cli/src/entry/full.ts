#!/usr/bin/env node
/** The full profile: the core, search, and the server for agents. */
import { start } from './start.ts';

await start({
  jobs: async () => (await import('../full/jobs.ts')).fullJobs,
  profile: async () => (await import('../full/full-profile.ts')).FULL_PROFILE,
});
