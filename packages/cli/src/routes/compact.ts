import { buildCommand } from '@stricli/core';
import type { MaintenanceFlags } from '../commands/compact.ts';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag, lockWaitFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

export const compactRoute = buildCommand<MaintenanceFlags, string[], CliContext>({
  loader: lazily(async () => (await import('../commands/compact.ts')).compact),
  parameters: {
    flags: { wait: lockWaitFlag, project: projectFlag, json: jsonFlag },
    positional: {
      kind: 'array',
      parameter: {
        parse: String,
        placeholder: 'TABLE',
        brief: 'The tables; all when none is named',
        proposeCompletions: proposeTables,
      },
    },
  },
  docs: {
    brief: 'Merge the runs of tables into snapshots',
    customUsage: ['[TABLE...] [--wait TIME] [--json]'],
    fullDescription: [
      'Merges what lies beside the snapshot of a table into a new one: one row a key, few files, sorted by key.',
      'Only the partitions that changed are written again. Runs and queries go on meanwhile. `hakiri run` does it',
      'by itself where it pays; what is superseded stays for --as-of until `hakiri gc`.',
      '',
      'EXAMPLES',
      '  hakiri compact',
      '  hakiri compact github_issues --json',
    ].join('\n'),
  },
});
