import { buildCommand } from '@stricli/core';
import type { PlanFlags } from '../commands/plan.ts';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag, projectFlag } from './common-flags.ts';
import { proposePipelines } from './propose.ts';

export const planRoute = buildCommand<PlanFlags, string[], CliContext>({
  loader: lazily(async () => (await import('../commands/plan.ts')).plan),
  parameters: {
    flags: { project: projectFlag, json: jsonFlag },
    positional: {
      kind: 'array',
      parameter: {
        parse: String,
        placeholder: 'PIPELINE',
        brief: 'Pipelines to plan; all of the manifest when none is named',
        proposeCompletions: proposePipelines,
      },
    },
  },
  docs: {
    brief: 'Say what a run would do, without doing it',
    customUsage: ['[PIPELINE...] [--json]'],
    fullDescription: [
      'For each table: the cursor it would go on from, the pages or files expected, how the schema would change.',
      '',
      'EXAMPLES',
      '  hakiri plan',
      '  hakiri plan github-issues --json',
    ].join('\n'),
  },
});
