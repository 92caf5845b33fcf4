/** The engine's child with everything that a search needs. */
import { runEngineChild } from '@hakiri/engine/child';
import { retrievalJobs } from '@hakiri/retrieval/jobs';
import { storeJobs } from '@hakiri/store/jobs';

await runEngineChild({ ...storeJobs, ...retrievalJobs });
