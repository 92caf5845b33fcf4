import { dirname, join } from 'node:path';
import { type CatalogTable, type SidecarTable, tableParts } from '@hakiri/core';
import { INDEXES_NAME } from '@hakiri/store';
import type { GraphBuildRequest } from '../search/graph-build-job.ts';
import { graphDue, SMALLEST_GRAPH_ROWS } from '../search/planner.ts';
import { descriptionPath } from '../vector/graph/graph-description.ts';
import type { BuildPart } from './build-request.ts';
import { coverageOf, type PartPlace, partsOf } from './coverage.ts';
import { indexId } from './definition.ts';
import { embedMissing } from './embed-missing.ts';
import { stopsCommit } from './index-error.ts';
import { ROWS_ID } from './index-manifest.ts';
import type { BuildHow, IndexWork } from './index-service.ts';
import { textSourcesOf } from './text-sources.ts';
import { knownName } from './twins.ts';

export interface CatchUpHow extends BuildHow {
  /** Makes all of them anew, or those of a name. */
  readonly anew?: true | string;
}

/** Asked of the engine at once. */
const ROWS_AT_ONCE = 200_000;

/** Makes what the indexes of a table lack, and removes what no longer serves. */
export async function catchUpTable(work: IndexWork, table: CatalogTable, how: CatchUpHow): Promise<void> {
  const { options } = work;
  const specs = options.specsOf(table.name);
  const parts = partsOf(table, options.paths.absolute);
  if (specs.length > 0) {
    const wants = await wantedOf(work, table, parts, how);
    const total = wants.reduce((sum, { rows }) => sum + rows, 0);
    let done = 0;
    for (const batch of batches(wants)) {
      how.signal?.throwIfAborted();
      how.onProgress?.({ table: table.name, step: 'building', done, total });
      await work.build(sidecarTable(table), batch, how);
      done += batch.reduce((sum, { rows }) => sum + rows, 0);
    }
    if (total > 0) how.onProgress?.({ table: table.name, step: 'building', done, total });
    await embedSmallWrites(work, table, how);
  }
  await removeOld(work, table, parts);
  await buildGraphs(work, table, parts, how);
}

const sidecarTable = ({ name, mode, primaryKey, schema }: CatalogTable): SidecarTable => ({
  name,
  primaryKey: mode === 'append' ? [] : primaryKey,
  schema,
});

async function wantedOf(
  { options, manifests }: IndexWork,
  table: CatalogTable,
  parts: readonly PartPlace[],
  { anew }: CatchUpHow,
): Promise<readonly BuildPart[]> {
  const wants = new Map<string, string[]>();
  const specs = options.specsOf(table.name);
  const ids = [
    { id: ROWS_ID, names: undefined },
    ...specs.map((spec) => ({ id: indexId(spec), names: [spec.name, knownName(spec)] })),
  ];
  for (const { id, names } of ids) {
    // What all share is made anew with any: nobody knows which of them is damaged. Twins are with their index.
    const all = anew !== undefined && (anew === true || names === undefined || names.includes(anew));
    const missing = all ? parts : (await coverageOf(manifests, parts, id)).missing;
    for (const { path } of missing) wants.set(path, [...(wants.get(path) ?? []), id]);
  }
  return tableParts(table).flatMap(({ path, rows, columns }): BuildPart[] => {
    const absolute = options.paths.absolute(path);
    const wanted = wants.get(absolute);
    return wanted ? [{ path: absolute, rows, columns, wants: wanted }] : [];
  });
}

function batches(parts: readonly BuildPart[]): readonly (readonly BuildPart[])[] {
  const all: BuildPart[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  for (const part of parts) {
    if (rows + part.rows > ROWS_AT_ONCE) {
      all.push([]);
      rows = 0;
    }
    all.at(-1)!.push(part);
    rows += part.rows;
  }
  return all;
}

/** Small writes have no files: their vectors wait in the cache. */
async function embedSmallWrites(work: IndexWork, table: CatalogTable, how: CatchUpHow): Promise<void> {
  const { engine, specsOf, embedder, onEvent, paths } = work.options;
  if (table.deltas.length === 0) return;
  const sources = { ...textSourcesOf(table, paths.absolute), parts: [] };
  for (const spec of specsOf(table.name)) {
    if (spec.kind !== 'vector') continue;
    try {
      const model = await embedder(table.name, spec);
      if (model.model.kind === 'lexical') continue;
      const embeddings = work.embeddingsOf(table.name);
      await embedMissing(engine, model, { spec, embeddings, sources }, how);
    } catch (error) {
      if (how.strict || stopsCommit(error) || how.signal?.aborted) throw error;
      onEvent?.({ kind: 'behind', table: table.name, index: spec.name, error: error as never });
    }
  }
}

/** Folders of indexes that are declared no more, and of what a declared one was before, once that has every part. */
async function removeOld(
  { options, manifests }: IndexWork,
  table: CatalogTable,
  parts: readonly PartPlace[],
): Promise<void> {
  const { files } = options;
  const specs = options.specsOf(table.name);
  const kept = new Set(specs.length > 0 ? [ROWS_ID] : []);
  const waiting: string[] = [];
  for (const spec of specs) {
    const id = indexId(spec);
    kept.add(id);
    if ((await coverageOf(manifests, parts, id)).missing.length > 0) waiting.push(spec.name);
  }
  const isNeeded = (id: string): boolean => kept.has(id) || waiting.includes(id.slice(0, -ID_ENDING));
  for (const folder of new Set(parts.map(({ path }) => join(dirname(path), INDEXES_NAME)))) {
    for (const { name } of await files.list(folder)) {
      if (!isNeeded(name)) await files.removeTree(join(folder, name));
    }
  }
}

/** A dash and eight digits. */
const ID_ENDING = 9;

/** Whether a graph lacks rows, as far as its description tells: how many rows are alive is not known here. */
async function mayBeDue(
  { options: { files } }: IndexWork,
  graphs: string,
  ids: readonly string[],
  rows: number,
): Promise<boolean> {
  for (const id of ids) {
    const path = descriptionPath(join(graphs, id));
    if (!(await files.stat(path))) return true;
    try {
      const { vectors } = JSON.parse(await files.readText(path)) as { readonly vectors?: unknown };
      if (typeof vectors !== 'number' || graphDue(rows, vectors)) return true;
    } catch {
      return true;
    }
  }
  return false;
}

/** Of which table a graph was asked for last, so that nothing is opened in vain. */
const askedFor = new WeakMap<IndexWork, Map<string, string>>();

async function buildGraphs(
  work: IndexWork,
  table: CatalogTable,
  parts: readonly PartPlace[],
  how: CatchUpHow,
): Promise<void> {
  const { engine, files, specsOf, onEvent } = work.options;
  const graphs = work.graphsOf(table.name);
  const ids = new Set(
    specsOf(table.name)
      .filter(({ kind }) => kind === 'vector')
      .map(indexId),
  );
  for (const { name } of await files.list(graphs)) {
    if (!ids.has(name)) await files.removeTree(join(graphs, name));
  }
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  if (ids.size === 0 || rows <= SMALLEST_GRAPH_ROWS) return;
  const indexed = await work.indexedTable(table);
  if (how.anew === undefined && !(await mayBeDue(work, graphs, [...ids], rows))) return;
  const asked = askedFor.get(work) ?? new Map<string, string>();
  askedFor.set(work, asked);
  if (asked.get(table.name) === indexed.version && how.anew === undefined) return;
  how.signal?.throwIfAborted();
  how.onProgress?.({ table: table.name, step: 'graph', done: 0, total: rows });
  const request: GraphBuildRequest = { table: indexed };
  try {
    await engine.job('graph-build', request, 'apart');
    asked.set(table.name, indexed.version);
  } catch (error) {
    // Without a graph searches are as right, and slower.
    if (stopsCommit(error)) throw error;
    onEvent?.({ kind: 'behind', table: table.name, index: undefined, error: error as never });
  }
}
