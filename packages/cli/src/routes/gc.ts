import { buildCommand } from '@stricli/core';
import type { MaintenanceFlags } from '../commands/compact.ts';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag, lockWaitFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

export const gcRoute = buildCommand<MaintenanceFlags, string[], CliContext>({
  loader: lazily(async () => (await import('../commands/gc.ts')).gc),
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
    brief: 'Remove files that nothing needs any more',
    customUsage: ['[TABLE...] [--wait TIME] [--json]'],
    fullDescription: [
      'Removes merged runs and superseded snapshots once they are older than the retention of their table',
      '(7 days unless the manifest says otherwise): `query --as-of` reaches back no further. `hakiri run` does it',
      'by itself after it has compacted.',
      '',
      'EXAMPLES',
      '  hakiri gc',
      '  hakiri gc github_issues --json',
    ].join('\n'),
  },
});
