import { buildCommand, buildRouteMap } from '@stricli/core';
import type { IndexListFlags } from '../commands/index-list.ts';
import type { IndexRebuildFlags } from '../commands/index-rebuild.ts';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag, lockWaitFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

const list = buildCommand<IndexListFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/index-list.ts')).listIndexes),
  parameters: { flags: { project: projectFlag, json: jsonFlag } },
  docs: {
    brief: 'List the indexes of the tables',
    fullDescription: [
      'Lists what can be searched: columns, analyzer or model, how much of the table each index holds, and whether it',
      'answers already.',
      '',
      'EXAMPLES',
      '  hakiri index list',
    ].join('\n'),
  },
});

const rebuild = buildCommand<IndexRebuildFlags, [name?: string], CliContext>({
  loader: lazily(async () => (await import('../commands/index-rebuild.ts')).rebuildIndexes),
  parameters: {
    flags: {
      model: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'MODEL',
        brief: 'Another model for the vector indexes; the manifest names it once they are built',
      },
      wait: lockWaitFlag,
      project: projectFlag,
      json: jsonFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: String,
          optional: true,
          placeholder: 'TABLE[.INDEX]',
          brief: 'A table, or one index of it; all without it',
          proposeCompletions: proposeTables,
        },
      ],
    },
  },
  docs: {
    brief: 'Build indexes anew',
    fullDescription: [
      'Builds indexes anew from the data. What answers searches goes on until the new one is there; a Ctrl-C ends it',
      'after the part that is being built, and what was embedded is kept for the next time.',
      '',
      'With --model, indexes of another model are built beside the old ones, and then the manifest is changed to name',
      'it. The model is one that the manifest defines under embedding, or the built-in one.',
      '',
      'EXAMPLES',
      '  hakiri index rebuild',
      '  hakiri index rebuild github_issues.meaning',
      '  hakiri index rebuild github_issues --model bge-large-en-v1.5',
    ].join('\n'),
  },
});

export const indexRoutes = buildRouteMap({
  routes: { list, rebuild },
  docs: { brief: 'List and rebuild what searches look into' },
});
