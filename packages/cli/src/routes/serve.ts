import { buildCommand } from '@stricli/core';
import type { ServeFlags } from '../commands/serve.ts';
import { type CliContext, lazily } from '../context.ts';
import { parsePort } from '../flag-values.ts';
import { projectFlag } from './common-flags.ts';

export const serveRoute = buildCommand<ServeFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/serve.ts')).serve),
  parameters: {
    flags: {
      port: {
        kind: 'parsed',
        parse: parsePort,
        default: '8765',
        placeholder: 'PORT',
        brief: 'Listen on this port; 0 takes one that is free',
      },
      host: {
        kind: 'parsed',
        parse: String,
        default: '127.0.0.1',
        placeholder: 'ADDRESS',
        brief: 'Listen on this address',
      },
      allowRemote: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Allow an address that other machines reach',
      },
      allowHost: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: ',',
        placeholder: 'NAMES',
        brief: 'Names it may be called by beside localhost',
      },
      incognito: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Serve to local and on-prem zones alone',
      },
      schedule: { kind: 'boolean', default: true, brief: 'Run what the manifest schedules' },
      project: projectFlag,
    },
  },
  docs: {
    brief: 'Serve the project to agents, and run what is scheduled',
    customUsage: ['[--port PORT] [--host ADDRESS] [--incognito] [--no-schedule]'],
    fullDescription: [
      'Answers agents over MCP at http://127.0.0.1:8765/mcp, and over the socket that `hakiri mcp` uses; runs the',
      'pipelines that have a `schedule`; keeps the store in order. Callers send a token of `hakiri token issue`; one of',
      "the owner's is made at the first start and printed once. Ctrl-C stops at the next commit, a second one at once. Logs",
      'are JSON lines on standard error; HAKIRI_LOG=debug says more.',
      '',
      'EXAMPLES',
      '  hakiri serve',
      '  hakiri serve --port 0 --no-schedule',
      '  hakiri serve --host 0.0.0.0 --allow-remote --allow-host context.example.com',
    ].join('\n'),
  },
});
