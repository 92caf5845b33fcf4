import { runEngineChild } from '@hakiri/engine/child';
import { storeJobs } from '@hakiri/store/jobs';
import { retrievalJobs } from '../../../src/jobs.ts';

await runEngineChild({ ...storeJobs, ...retrievalJobs });
