import { jsonDocument } from '../format/json.ts';
import { textTable } from '../format/text-table.ts';
import { formatBytes, formatCount } from '../format/units.ts';
import { maintain } from '../maintain.ts';
import type { Call } from '../services.ts';
import type { MaintenanceFlags } from './compact.ts';

export async function gc(
  call: Call,
  flags: MaintenanceFlags,
  ...names: readonly string[]
): Promise<undefined> {
  const { output } = call;
  const { done } = await maintain(call, flags, names, (project, request) => project.collect(request));
  if (flags.json) {
    output.out.line(jsonDocument({ tables: done }));
    return;
  }
  const collected = done.filter(({ runs, snapshots }) => runs + snapshots > 0);
  if (collected.length === 0) {
    output.err.line('nothing to collect: every file is needed, or younger than the retention');
    return;
  }
  const { lines } = textTable(
    [
      { title: 'table', align: 'left' },
      { title: 'runs', align: 'right' },
      { title: 'snapshots', align: 'right' },
      { title: 'given back', align: 'right' },
    ],
    collected.map(({ table, runs, snapshots, bytes }) => [
      table,
      formatCount(runs),
      formatCount(snapshots),
      formatBytes(bytes),
    ]),
  );
  for (const line of lines) output.out.line(line);
}
