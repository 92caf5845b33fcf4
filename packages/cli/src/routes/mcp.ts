import { buildCommand } from '@stricli/core';
import type { McpFlags } from '../commands/mcp.ts';
import { type CliContext, lazily } from '../context.ts';
import { projectFlag } from './common-flags.ts';

export const mcpRoute = buildCommand<McpFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/mcp.ts')).mcp),
  parameters: {
    flags: {
      incognito: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Serve to local and on-prem zones alone',
      },
      project: projectFlag,
    },
  },
  docs: {
    brief: 'Serve one agent over standard input and output',
    customUsage: ['[--incognito] [--project DIR]'],
    fullDescription: [
      'Speaks MCP over standard input and output: what an agent starts. Beside a running `hakiri serve` it passes',
      'messages on to it; without one it works alone. It ends when its input does. HAKIRI_TOKEN holds what the agent',
      "may do: a token of `hakiri token issue`. Without one it has the owner's grant where the project's key is readable.",
      '',
      'EXAMPLES',
      '  hakiri mcp --project ~/context',
    ].join('\n'),
  },
});
