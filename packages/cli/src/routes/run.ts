import { buildCommand } from '@stricli/core';
import type { RunFlags } from '../commands/run.ts';
import { type CliContext, lazily } from '../context.ts';
import { parseDuration } from '../flag-values.ts';
import { jsonFlag, projectFlag } from './common-flags.ts';
import { proposeRunnable } from './propose.ts';

export const runRoute = buildCommand<RunFlags, string[], CliContext>({
  loader: lazily(async () => (await import('../commands/run.ts')).run),
  parameters: {
    flags: {
      wait: {
        kind: 'parsed',
        parse: parseDuration,
        default: '10s',
        placeholder: 'TIME',
        brief: 'How long to wait while another process writes to the store',
      },
      project: projectFlag,
      json: jsonFlag,
    },
    positional: {
      kind: 'array',
      parameter: {
        parse: String,
        placeholder: 'PIPELINE',
        brief: 'Pipelines to run; all of the manifest when none is named',
        proposeCompletions: proposeRunnable,
      },
    },
  },
  docs: {
    brief: 'Pull what is new, and commit it to the store',
    customUsage: ['[PIPELINE...] [--wait TIME] [--json]'],
    fullDescription: [
      'Runs pipelines of the manifest. Each goes on from where its last commit ended. Ctrl-C stops at the',
      'next commit, a second one at once; what was committed is kept either way.',
      'In a folder without a manifest, the name of a recipe runs that recipe over its bundled sample.',
      '',
      'EXAMPLES',
      '  hakiri run',
      '  hakiri run github-issues',
      '  hakiri run orders invoices --wait 1m --json',
    ].join('\n'),
  },
});
