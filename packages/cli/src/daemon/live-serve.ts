import type { Serve } from '@hakiri/core';
import type { Project } from '../services.ts';

/** What the project serves now: a manifest that changes makes it another. */
export function liveServe(project: Project): Serve {
  return {
    query: async (request, grant) => (await project.serve()).query(request, grant),
    tables: async (grant) => (await project.serve()).tables(grant),
    describe: async (table, grant) => (await project.serve()).describe(table, grant),
    get: async (request, grant) => (await project.serve()).get(request, grant),
    export: async (request, grant) => (await project.serve()).export(request, grant),
    // It belongs to the project, which closes it.
    close: async () => {},
  };
}
