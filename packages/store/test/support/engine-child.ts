import { runEngineChild } from '@hakiri/engine/child';
import { storeJobs } from '../../src/jobs.ts';

await runEngineChild(storeJobs);
