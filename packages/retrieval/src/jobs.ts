import type { WriterJob } from '@hakiri/engine/child';

/** What the engine's children can be asked about indexes; each is loaded when it is first asked for. */
export const retrievalJobs: Readonly<Record<string, () => Promise<WriterJob>>> = {
  search: async () => (await import('./search/search-job.ts')).searchJob,
  'graph-build': async () => (await import('./search/graph-build-job.ts')).graphBuildJob,
  'index-build': async () => (await import('./indexes/build-job.ts')).indexBuildJob,
  'index-merge': async () => (await import('./indexes/merge-job.ts')).indexMergeJob,
  'index-texts': async () => (await import('./indexes/texts-job.ts')).missingTextsJob,
  'index-forget': async () => (await import('./indexes/texts-job.ts')).forgetTextsJob,
  'index-check': async () => (await import('./indexes/check-job.ts')).indexCheckJob,
};
