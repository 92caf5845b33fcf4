import { buildCommand } from '@stricli/core';
import type { TablesFlags } from '../commands/tables.ts';
import { type CliContext, lazily } from '../context.ts';
import { asOwnerFlag, jsonFlag, projectFlag } from './common-flags.ts';

export const tablesRoute = buildCommand<TablesFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/tables.ts')).tables),
  parameters: { flags: { asOwner: asOwnerFlag, project: projectFlag, json: jsonFlag } },
  docs: {
    brief: 'List the tables of the store',
    fullDescription: [
      'Lists the tables with their size and the time of the last commit.',
      '',
      'EXAMPLES',
      '  hakiri tables',
      '  hakiri tables --json',
    ].join('\n'),
  },
});
