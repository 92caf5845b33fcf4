/** What a child of the engine can be asked to do for the store; each is loaded when it is first asked for. */
export const storeJobs = {
  rows: async () => (await import('./rows/rows-job.ts')).rowsJob,
};
