import { buildCommand } from '@stricli/core';
import type { DescribeFlags } from '../commands/describe.ts';
import { type CliContext, lazily } from '../context.ts';
import { asOwnerFlag, jsonFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

export const describeRoute = buildCommand<DescribeFlags, [table?: string], CliContext>({
  loader: lazily(async () => (await import('../commands/describe.ts')).describe),
  parameters: {
    flags: { asOwner: asOwnerFlag, project: projectFlag, json: jsonFlag },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: String,
          optional: true,
          placeholder: 'TABLE',
          brief: 'The table; all when not given',
          proposeCompletions: proposeTables,
        },
      ],
    },
  },
  docs: {
    brief: 'Describe a table: columns, key, rows, history',
    customUsage: ['[TABLE] [--json]'],
    fullDescription: [
      'Shows the columns with their types and hints, the key, the rows, and how the schema changed.',
      '',
      'EXAMPLES',
      '  hakiri describe github_issues',
      '  hakiri describe --json',
    ].join('\n'),
  },
});
