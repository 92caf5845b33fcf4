import { type QueryPlan, type StructuredRequest, tableParts } from '@hakiri/core';
import type { ServedTable } from '../query/session.ts';

interface Measured {
  readonly rows: number;
  readonly elapsedMs: number;
}

/** How one table was read. */
export function structuredPlan(
  table: ServedTable,
  request: StructuredRequest,
  measured: Measured,
): QueryPlan {
  const { filter, orderBy = [] } = request;
  return {
    step: 'rows',
    ...measured,
    steps: [
      readStep(table),
      ...(filter === undefined ? [] : [{ step: 'filter', detail: filter }]),
      ...(orderBy.length === 0 ? [] : [{ step: 'order', detail: orderBy.join(', ') }]),
    ],
  };
}

/** What a SELECT of somebody's own was made of. */
export function sqlPlan(
  tables: readonly ServedTable[],
  searches: readonly QueryPlan[],
  measured: Measured,
): QueryPlan {
  return { step: 'sql', ...measured, steps: [...searches, ...tables.map(readStep)] };
}

/**
 * Rows that may have to be read: older versions of a key among them. Files and their rows are those of the whole table,
 * and told to whoever sees it.
 */
function readStep({ table, seen }: ServedTable): QueryPlan {
  if (!seen.isWhole) return { step: 'read', detail: table.name };
  const merged = table.snapshot?.parts.length ?? 0;
  const files = [
    ...(merged === 0 ? [] : [`${merged} files of the snapshot`]),
    ...(table.newer.length === 0 ? [] : [`${table.newer.length} beside it`]),
    ...(table.deltas.length === 0 ? [] : [`${table.deltas.length} of small writes`]),
  ];
  return {
    step: 'read',
    detail: `${table.name}: ${files.join(', ') || 'no files'}`,
    estimatedRows:
      tableParts(table).reduce((sum, { rows }) => sum + rows, 0) +
      table.deltas.reduce((sum, { beforeSeq = 0 }) => sum + beforeSeq, 0),
  };
}
