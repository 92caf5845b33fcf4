import type { Memory } from '@hakiri/core';
import { createMemory } from '@hakiri/retrieval/memory';
import { monotonicFactory } from 'ulid';
import type { Project } from '../services.ts';
import { systemClock } from '../system-clock.ts';

/** A run next door holds the store only for as long as it commits; an erasure may take longer. */
const WRITE_WAIT_MS = 30_000;
const ERASE_WAIT_MS = 120_000;

/** What agents remember, in the project's own tables. */
export function memoryOf(project: Project): Memory {
  const nextId = monotonicFactory();
  return createMemory({
    serve: { query: async (request, grant) => (await project.serve()).query(request, grant) },
    seen: (table, grant) => project.seen(table, grant),
    audit: project.audit.log,
    clock: systemClock,
    newId: () => nextId(systemClock.nowMs()),
    withWriter: (use) => project.write({ waitMs: WRITE_WAIT_MS }, use),
    async erase(table, keys) {
      const { erasures } = await project.forget(
        { table, keys },
        {
          tables: [table],
          waitMs: ERASE_WAIT_MS,
          onTable: () => {},
          onNote: () => {},
          kill: new AbortController().signal,
        },
      );
      return erasures;
    },
  });
}
