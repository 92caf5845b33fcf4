import { commandGrant } from '../command-grant.ts';
import { jsonDocument } from '../format/json.ts';
import { textTable } from '../format/text-table.ts';
import { formatBytes, formatCount } from '../format/units.ts';
import type { Call } from '../services.ts';
import { escapeLine } from '../terminal/escape.ts';
import { withProject } from '../with-project.ts';

export interface TablesFlags {
  readonly project?: string;
  readonly asOwner: boolean;
  readonly json: boolean;
}

export async function tables({ services, output }: Call, flags: TablesFlags): Promise<undefined> {
  const summaries = await withProject(services, flags.project, async (project) => {
    const grant = await commandGrant(services, project, flags);
    return (await project.serve()).tables(grant);
  });
  if (flags.json) {
    output.out.line(jsonDocument({ tables: summaries }));
    return;
  }
  if (summaries.length === 0) {
    output.err.line('There is no table yet. `hakiri run` fills the store.');
    return;
  }
  const { lines } = textTable(
    [
      { title: 'table', align: 'left' },
      { title: 'stored rows', align: 'right' },
      { title: 'parts', align: 'right' },
      { title: 'size', align: 'right' },
      { title: 'in snapshot', align: 'right' },
      { title: 'runs beside', align: 'right' },
      { title: 'small writes', align: 'right' },
      { title: 'last commit', align: 'left' },
      { title: 'description', align: 'left' },
    ],
    summaries.map((table) => [
      table.name,
      told(table.storedRows, formatCount),
      told(table.parts, formatCount),
      told(table.bytes, formatBytes),
      table.snapshot === undefined ? '' : formatCount(table.snapshot.rows),
      told(table.runsBeside, formatCount),
      told(table.smallWrites, formatCount),
      table.lastCommit ?? '',
      escapeLine(table.description ?? ''),
    ]),
    output.out.isTerminal ? output.out.columns : undefined,
  );
  for (const line of lines) output.out.line(line);
}

/** Of a table that is not seen whole, less is told. */
function told(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? '' : format(value);
}
