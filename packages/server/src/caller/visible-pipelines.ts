import { type Grant, mayRun, type PipelineRan, type PipelineSummary } from '@hakiri/core';
import type { ServerServices } from '../services.ts';
import { isOwner, requireZone } from './rights.ts';

/** Tables by name; whether everything of them is seen. */
type Seen = ReadonlyMap<string, boolean>;

/** What the grant sees of the tables; undefined for the owner, who may know of those that are not there yet. */
export async function seenTables(
  { serve }: Pick<ServerServices, 'serve'>,
  grant: Grant,
): Promise<Seen | undefined> {
  requireZone(grant);
  if (isOwner(grant)) return undefined;
  const tables = await serve.tables(grant);
  return new Map(tables.map(({ name, storedRows }) => [name, storedRows !== undefined]));
}

/** Those that the grant may run, or that feed what it sees; of their tables those that it sees. */
export async function visiblePipelines(
  services: Pick<ServerServices, 'serve' | 'pipelines'>,
  grant: Grant,
): Promise<readonly PipelineSummary[]> {
  const seen = await seenTables(services, grant);
  const all = await services.pipelines.list();
  if (seen === undefined) return all;
  return all
    .map((pipeline) => ({ ...pipeline, tables: pipeline.tables?.filter((table) => seen.has(table)) }))
    .filter(({ id, tables = [] }) => mayRun(grant, id) || tables.length > 0);
}

/** Of a run: nothing is counted that the caller may not count itself, and no error quotes a source it may not read. */
export interface VisibleRan extends Pick<PipelineRan, 'job' | 'state'> {
  readonly tables: readonly {
    readonly table: string;
    readonly rows: number | undefined;
    readonly setAside: number | undefined;
    readonly runs: readonly string[];
    readonly error: PipelineRan['tables'][number]['error'];
  }[];
}

export function visibleRan(ran: PipelineRan, seen: Seen | undefined): VisibleRan {
  if (seen === undefined) return ran;
  const tables = ran.tables.flatMap((table): VisibleRan['tables'][number][] => {
    const isWhole = seen.get(table.table);
    if (isWhole === undefined) return [];
    if (isWhole) return [table];
    const error = table.error && { code: table.error.code, message: 'It failed.' };
    return [{ ...table, rows: undefined, setAside: undefined, runs: [], error }];
  });
  return { job: ran.job, state: ran.state, tables };
}
