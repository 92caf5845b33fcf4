import { buildCommand } from '@stricli/core';
import type { InitFlags } from '../commands/init.ts';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag, projectFlag } from './common-flags.ts';
import { proposeRecipes } from './propose.ts';

export const initRoute = buildCommand<InitFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/init.ts')).init),
  parameters: {
    flags: {
      recipe: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'NAME',
        brief: 'Start from a built-in recipe',
        proposeCompletions: proposeRecipes,
      },
      set: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        placeholder: 'KEY=VALUE',
        brief: 'A setting of the recipe; may be given several times',
      },
      name: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'NAME',
        brief: "The project's name, not the folder's",
      },
      list: { kind: 'boolean', default: false, withNegated: false, brief: 'List the recipes' },
      project: { ...projectFlag, brief: 'Write into this folder, not the current one' },
      json: jsonFlag,
    },
  },
  docs: {
    brief: 'Write a hakiri.toml',
    customUsage: ['[--recipe NAME] [--set KEY=VALUE]... [--name NAME]', '--list'],
    fullDescription: [
      'Writes a hakiri.toml with comments. Never replaces one that is there; only the sample that',
      '`hakiri run github-issues` wrote is turned into its live form, comments kept.',
      '',
      'EXAMPLES',
      '  hakiri init',
      '  hakiri init --list',
      '  hakiri init --recipe github-issues --set repo=owner/name',
    ].join('\n'),
  },
});
