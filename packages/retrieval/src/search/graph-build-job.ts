import { availableParallelism } from 'node:os';
import type { Connection } from '../indexes/connection.ts';
import type { IndexedTable } from '../indexes/indexed-table.ts';
import { openTable } from '../indexes/open.ts';
import {
  isOfKind,
  type OpenedTable,
  type OpenedVectorIndex,
  type TableRows,
} from '../indexes/opened-table.ts';
import { intersect } from '../sets/row-set.ts';
import { aliveRows } from '../sets/table-rows.ts';
import { buildGraph, type GraphUnit, openGraph } from '../vector/index.ts';
import { graphDue } from './planner.ts';

/** Makes the graphs of a table that are due (job `graph-build`). For the background: minutes for a million rows. */
export interface GraphBuildRequest {
  readonly table: IndexedTable;
  /** Half of the machine's when undefined, so that who searches meanwhile is not kept waiting. */
  readonly threads?: number;
}

export interface GraphBuildAnswer {
  /** None where no graph was due. */
  readonly built: readonly {
    readonly index: string;
    readonly vectors: number;
    readonly bytes: number;
    readonly elapsedMs: number;
  }[];
}

/** @throws HakiriError index.damaged, store.io */
export async function graphBuildJob(
  connection: Connection,
  request: GraphBuildRequest,
): Promise<GraphBuildAnswer> {
  const opened = await openTable(connection, request.table);
  const alive = await aliveRows(connection, opened);
  const threads = request.threads ?? Math.max(1, availableParallelism() >> 1);
  const built: GraphBuildAnswer['built'][number][] = [];
  for (const index of opened.indexes.filter(isOfKind('vector'))) {
    const started = performance.now();
    const units = unitsOf(opened, index, alive);
    if (!(await isDue(index, units))) continue;
    const graph = await buildGraph(index.graph, index.spec, units, threads);
    if (graph) built.push({ index: index.spec.name, ...graph, elapsedMs: performance.now() - started });
  }
  return { built };
}

function unitsOf(opened: OpenedTable, index: OpenedVectorIndex, alive: TableRows): readonly GraphUnit[] {
  return index.units.flatMap((segment, i) => {
    const { identities } = opened.units[i]!;
    return segment && identities
      ? [{ segment, identities, rows: intersect(alive.units[i]!, segment.present) }]
      : [];
  });
}

async function isDue(index: OpenedVectorIndex, units: readonly GraphUnit[]): Promise<boolean> {
  const graph = await openGraph(index.graph, index.spec);
  let alive = 0;
  let held = 0;
  for (const { rows, identities } of units) {
    alive += rows.count;
    if (typeof graph === 'object') held += intersect(rows, graph.holds(identities)).count;
  }
  return graphDue(alive, held);
}
