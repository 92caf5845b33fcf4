import type { TableName } from '@hakiri/core';
import type { Compacted } from '@hakiri/store';
import { jsonDocument } from '../format/json.ts';
import { textTable } from '../format/text-table.ts';
import { formatBytes, formatCount } from '../format/units.ts';
import { maintain } from '../maintain.ts';
import type { Call } from '../services.ts';

export interface MaintenanceFlags {
  /** Milliseconds. */
  readonly wait: number;
  readonly project?: string;
  readonly json: boolean;
}

/** Tables without a run beside their snapshot are said to have nothing to merge. */
export async function compact(
  call: Call,
  flags: MaintenanceFlags,
  ...names: readonly string[]
): Promise<undefined> {
  const { output } = call;
  const { tables, done } = await maintain(call, flags, names, (project, request) =>
    project.compact({ ...request, onTable: (table) => request.onNote(`compacting ${table}`) }),
  );
  const merged = new Set(done.map(({ table }) => table));
  const unchanged = tables.filter((table) => !merged.has(table));
  if (flags.json) {
    output.out.line(jsonDocument({ tables: done, unchanged }));
    return;
  }
  if (done.length > 0) for (const line of compactedLines(done)) output.out.line(line);
  if (unchanged.length > 0) output.err.line(nothingToDo(unchanged));
}

function nothingToDo(tables: readonly TableName[]): string {
  return `nothing to merge: ${tables.join(', ')}`;
}

function compactedLines(done: readonly Compacted[]): readonly string[] {
  return textTable(
    [
      { title: 'table', align: 'left' },
      { title: 'runs merged', align: 'right' },
      { title: 'rows', align: 'right' },
      { title: 'partitions', align: 'right' },
      { title: 'rewritten', align: 'right' },
      { title: 'files', align: 'right' },
      { title: 'size', align: 'right' },
    ],
    done.map(({ table, runs, rows, partitions, rewritten, before, after }) => [
      table,
      formatCount(runs),
      formatCount(rows),
      formatCount(partitions),
      formatCount(rewritten),
      `${formatCount(before.parts)} -> ${formatCount(after.parts)}`,
      `${formatBytes(before.bytes)} -> ${formatBytes(after.bytes)}`,
    ]),
  ).lines;
}
