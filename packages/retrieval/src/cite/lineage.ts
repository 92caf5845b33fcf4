import { readFile } from 'node:fs/promises';
import { type DeltaHead, type Lineage, type RunId, type TableName, ulidTimeMs } from '@hakiri/core';
import type { Store } from '@hakiri/store';

/** Who wrote a run, and when. */
export interface RunOrigin extends Pick<Lineage, 'connector' | 'author'> {
  /** ISO 8601. Of a file of small writes: when it was begun. */
  readonly committedAt: string;
}

export interface Lineages {
  /** In the order asked. Never fails: of a run that nobody tells of any more, its id still says when it began. */
  of(table: TableName, runs: readonly RunId[]): Promise<readonly RunOrigin[]>;
}

/** What a run is never changes: it is read once. */
export function createLineages({ catalog, paths }: Pick<Store, 'catalog' | 'paths'>): Lineages {
  const known = new Map<TableName, Map<RunId, RunOrigin>>();

  const load = async (table: TableName, origins: Map<RunId, RunOrigin>): Promise<void> => {
    for (const { run, lineage, committed_at } of await catalog.runs(table)) {
      origins.set(run, { ...authorOf(lineage), committedAt: committed_at });
    }
    for (const { run, path } of (await catalog.table(table))?.deltas ?? []) {
      if (origins.has(run)) continue;
      const head = await readHead(paths.absolute(path));
      if (head) origins.set(run, { ...authorOf(head.lineage), committedAt: head.started_at });
    }
  };

  return {
    async of(table, runs) {
      const origins = known.get(table) ?? new Map<RunId, RunOrigin>();
      known.set(table, origins);
      if (runs.some((run) => !origins.has(run))) await load(table, origins);
      return runs.map((run) => origins.get(run) ?? unknownOrigin(run));
    },
  };
}

function authorOf({ connector, author }: Lineage): Pick<Lineage, 'connector' | 'author'> {
  return { connector, author };
}

function unknownOrigin(run: RunId): RunOrigin {
  return { connector: 'unknown', author: 'unknown', committedAt: new Date(ulidTimeMs(run)).toISOString() };
}

async function readHead(path: string): Promise<Pick<DeltaHead, 'lineage' | 'started_at'> | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    const newline = text.indexOf('\n');
    return JSON.parse(newline < 0 ? text : text.slice(0, newline)) as DeltaHead;
  } catch {
    // The file was folded meanwhile: then the catalog tells of the run, the next time it is asked.
    return undefined;
  }
}
