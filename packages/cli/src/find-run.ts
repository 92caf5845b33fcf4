import type { CatalogTable, DeltaHead, Files } from '@hakiri/core';
import type { RunSummary } from '@hakiri/server';
import type { Store } from '@hakiri/store';

/** What a `hakiri://` address of a run leads to; a file of small writes is a run that still grows. */
export async function findRun(
  { catalog, paths }: Pick<Store, 'catalog' | 'paths'>,
  files: Files,
  run: string,
): Promise<RunSummary | undefined> {
  const tables = await catalog.tables();
  for (const { name } of tables) {
    const found = (await catalog.runs(name)).find((candidate) => candidate.run === run);
    if (found === undefined) continue;
    return {
      run: found.run,
      table: found.table,
      rows: found.parts.reduce((sum, part) => sum + part.rows, 0),
      pipeline: found.pipeline,
      connector: found.lineage.connector,
      author: found.lineage.author,
      startedAt: found.started_at,
      committedAt: found.committed_at,
    };
  }
  const growing = tables.find(({ deltas }) => deltas.some((delta) => delta.run === run));
  return growing && summaryOfDelta(growing, files, paths, run);
}

async function summaryOfDelta(
  { deltas, lastCommit }: CatalogTable,
  files: Files,
  paths: Store['paths'],
  run: string,
): Promise<RunSummary | undefined> {
  const delta = deltas.find((candidate) => candidate.run === run);
  const path = delta && paths.absolute(delta.path);
  // Folded since: then the catalog tells of it, the next time it is asked.
  if (path === undefined || (await files.stat(path)) === undefined) return undefined;
  const [first = '', ...rest] = (await files.readText(path)).split('\n');
  const head = JSON.parse(first) as DeltaHead;
  return {
    run: head.run,
    table: head.table,
    rows: rest.filter((line) => line !== '').length,
    pipeline: head.pipeline,
    connector: head.lineage.connector,
    author: head.lineage.author,
    startedAt: head.started_at,
    committedAt: lastCommit,
  };
}
