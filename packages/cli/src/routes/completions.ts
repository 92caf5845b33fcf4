import { buildCommand } from '@stricli/core';
import { type CliContext, lazily } from '../context.ts';
import { parseShell, SHELLS, type Shell } from '../shells.ts';

export const completionsRoute = buildCommand<Record<never, never>, [shell: Shell], CliContext>({
  loader: lazily(async () => (await import('../commands/completions.ts')).completions),
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: parseShell,
          placeholder: 'SHELL',
          brief: SHELLS.join(', '),
          proposeCompletions: () => SHELLS,
        },
      ],
    },
  },
  docs: {
    brief: 'Print a completion script for a shell',
    fullDescription: [
      'Completes commands, flags, pipelines and tables.',
      '',
      'EXAMPLES',
      '  source <(hakiri completions bash)                                    in ~/.bashrc',
      '  source <(hakiri completions zsh)                                     in ~/.zshrc, after compinit',
      '  hakiri completions fish > ~/.config/fish/completions/hakiri.fish',
    ].join('\n'),
  },
});
