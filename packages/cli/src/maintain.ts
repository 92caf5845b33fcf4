import { EXIT, type TableName } from '@hakiri/core';
import { requireOwner } from './command-grant.ts';
import type { Call, MaintenanceRequest, Project } from './services.ts';
import { unknownName } from './unknown-name.ts';
import { withProject } from './with-project.ts';

export interface Maintained<T> {
  readonly tables: readonly TableName[];
  readonly done: readonly T[];
}

/**
 * Works on the tables of these names, all when none is named. A Ctrl-C ends it at once: what was not finished is
 * as if it had never begun. Throws `query.unknown_table`, `store.compacting`.
 */
export function maintain<T>(
  { services, output }: Call,
  flags: { readonly wait: number; readonly project?: string; readonly json: boolean },
  names: readonly string[],
  work: (project: Project, request: MaintenanceRequest) => Promise<readonly T[]>,
): Promise<Maintained<T>> {
  return withProject(services, flags.project, async (project) => {
    requireOwner(services);
    const tables = await selectTables(project, names);
    const kill = new AbortController();
    const unsubscribe = services.onInterrupt(() => {
      kill.abort();
      services.exitNow(EXIT.interrupted);
    });
    try {
      const done = await work(project, {
        tables,
        waitMs: flags.wait,
        onTable: () => {},
        onNote: (message) => {
          if (!flags.json) output.err.line(message);
        },
        kill: kill.signal,
      });
      return { tables, done };
    } finally {
      unsubscribe();
    }
  });
}

async function selectTables(project: Project, names: readonly string[]): Promise<readonly TableName[]> {
  const known = (await project.storedTables()).map(({ name }) => name);
  if (names.length === 0) return known;
  return [...new Set(names)].map((name) => {
    const found = known.find((table) => table === name);
    if (found === undefined) throw unknownName('table', name, known, { code: 'query.unknown_table' });
    return found;
  });
}
