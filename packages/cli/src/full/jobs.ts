import { retrievalJobs } from '@hakiri/retrieval/jobs';
import { storeJobs } from '@hakiri/store/jobs';

/** What the engine's children can be asked for beside what they know themselves. */
export const fullJobs = { ...storeJobs, ...retrievalJobs };
