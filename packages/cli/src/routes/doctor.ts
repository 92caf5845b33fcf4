import { buildCommand } from '@stricli/core';
import type { DoctorFlags } from '../commands/doctor.ts';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag, projectFlag } from './common-flags.ts';

export const doctorRoute = buildCommand<DoctorFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/doctor.ts')).doctor),
  parameters: {
    flags: {
      rebuildCatalog: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Make the catalog again from the manifests of the runs',
      },
      repair: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Make a damaged snapshot again from an older one and the runs, where they remain',
      },
      project: projectFlag,
      json: jsonFlag,
    },
  },
  docs: {
    brief: 'Check the store: hashes, orphans, catalog',
    customUsage: ['[--rebuild-catalog] [--repair] [--json]'],
    fullDescription: [
      'Checks every file of the store against what was committed, and those of an installed program. Ends with 1 when a',
      'check failed.',
      '',
      'EXAMPLES',
      '  hakiri doctor',
      '  hakiri doctor --rebuild-catalog',
      '  hakiri doctor --repair',
    ].join('\n'),
  },
});
