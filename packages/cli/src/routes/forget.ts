import { buildCommand } from '@stricli/core';
import type { ForgetFlags } from '../commands/forget.ts';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag, lockWaitFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

const text = { kind: 'parsed', parse: String, optional: true } as const;
const yes = { kind: 'boolean', default: false, withNegated: false } as const;

export const forgetRoute = buildCommand<ForgetFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/forget.ts')).forget),
  parameters: {
    flags: {
      subject: {
        ...text,
        placeholder: 'VALUE',
        brief: 'Rows of every table whose subject_columns name this; - reads it from standard input',
      },
      table: {
        ...text,
        placeholder: 'TABLE',
        brief: 'Rows of this table, by their keys',
        proposeCompletions: proposeTables,
      },
      key: {
        ...text,
        variadic: true,
        placeholder: 'KEY',
        brief:
          'A key of TABLE, a JSON array where it has several columns; - reads a key a line from standard input',
      },
      dryRun: { ...yes, brief: 'Say what would go, and change nothing' },
      yes: { ...yes, brief: 'Do not ask; needed off a terminal' },
      wait: {
        ...lockWaitFlag,
        brief: 'How long to wait while another process writes to the store or compacts it',
      },
      project: projectFlag,
      json: jsonFlag,
    },
  },
  docs: {
    brief: 'Delete rows for good, everywhere, and keep them from coming back',
    customUsage: [
      '--subject VALUE [--dry-run] [--yes]',
      '--table TABLE --key KEY [--key KEY...] [--dry-run] [--yes]',
    ],
    fullDescription: [
      'Rewrites every file of the store that holds such a row: tables, kept snapshots, small writes, records set',
      'aside, caches. A later run that brings it again leaves it out. Then every file is read back as a proof.',
      'There is no way back, and --as-of does not see the rows either.',
      '',
      'Other users of the machine can see a command line while it runs, and shells keep it: give a value that is',
      "nobody else's business on standard input, with - in its place. It is never printed and never written down.",
      '',
      'EXAMPLES',
      '  hakiri forget --subject - --yes < subject.txt',
      '  hakiri forget --subject ada --dry-run',
      '  hakiri forget --table github_issues --key 4711 --key 4712',
    ].join('\n'),
  },
});
