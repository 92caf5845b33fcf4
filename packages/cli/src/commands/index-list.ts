import type { IndexSpec } from '@hakiri/core';
import type { IndexState } from '@hakiri/retrieval/indexes';
import { jsonDocument } from '../format/json.ts';
import { textTable } from '../format/text-table.ts';
import { formatBytes, formatCount } from '../format/units.ts';
import type { Call } from '../services.ts';
import { escapeLine } from '../terminal/escape.ts';
import { withProject } from '../with-project.ts';

export interface IndexListFlags {
  readonly project?: string;
  readonly json: boolean;
}

export async function listIndexes({ services, output }: Call, flags: IndexListFlags): Promise<undefined> {
  const states = await withProject(services, flags.project, (project) => project.indexes());
  if (flags.json) {
    output.out.line(jsonDocument({ indexes: states.map(toDocument) }));
    return;
  }
  if (states.length === 0) {
    output.err.line('There is no index yet: declare one under `indexes` of a table that has rows.');
    return;
  }
  const { lines } = textTable(
    [
      { title: 'table', align: 'left' },
      { title: 'index', align: 'left' },
      { title: 'kind', align: 'left' },
      { title: 'columns', align: 'left' },
      { title: 'by', align: 'left' },
      { title: 'rows', align: 'right' },
      { title: 'behind', align: 'right' },
      { title: 'size', align: 'right' },
      { title: 'answers', align: 'left' },
    ],
    states.map((state) => [
      state.table,
      state.spec.name,
      state.spec.kind,
      escapeLine(state.spec.columns.join(', ')),
      escapeLine(by(state.spec)),
      formatCount(state.rows - state.rowsBehind),
      formatCount(state.rowsBehind),
      formatBytes(state.bytes),
      escapeLine(answers(state)),
    ]),
    output.out.isTerminal ? output.out.columns : undefined,
  );
  for (const line of lines) output.out.line(line);
}

/** What it goes by: how words are told, or whose vectors they are. */
function by(spec: IndexSpec): string {
  return spec.kind === 'fts' ? spec.analyzer : spec.model;
}

function answers({ serving, rowsBehind, rows }: IndexState): string {
  if (serving !== undefined) return `as ${by(serving)} until built`;
  if (rowsBehind === 0) return 'yes';
  return rowsBehind < rows ? 'in part' : 'no';
}

function toDocument({ table, spec, id, rows, rowsBehind, bytes, serving }: IndexState) {
  return {
    table,
    ...spec,
    id,
    rows: rows - rowsBehind,
    rowsBehind,
    bytes,
    answers: serving === undefined && rowsBehind === 0,
    serving,
  };
}
