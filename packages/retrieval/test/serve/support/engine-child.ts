import { runEngineChild } from '@hakiri/engine/child';
import { storeJobs } from '@hakiri/store/jobs';

await runEngineChild(storeJobs);
