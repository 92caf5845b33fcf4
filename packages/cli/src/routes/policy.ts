import { buildCommand, buildRouteMap } from '@stricli/core';
import type { PolicyExplainFlags } from '../commands/policy-explain.ts';
import type { PolicyTestFlags } from '../commands/policy-test.ts';
import { type CliContext, lazily } from '../context.ts';
import { asOwnerFlag, jsonFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

const explain = buildCommand<PolicyExplainFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/policy-explain.ts')).explainPolicies),
  parameters: {
    flags: {
      table: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TABLE',
        brief: 'Of this table; of all without it',
        proposeCompletions: proposeTables,
      },
      tokenFile: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'FILE',
        brief: 'Whose token it is; - for standard input. Default: HAKIRI_TOKEN, else the owner',
      },
      asOwner: asOwnerFlag,
      project: projectFlag,
      json: jsonFlag,
    },
  },
  docs: {
    brief: 'Say who may see what, and by which rule',
    customUsage: ['[--table TABLE] [--token-file FILE] [--json]'],
    fullDescription: [
      'Says what is left of tables to the holder of a token, or to the owner: rows, columns and what is done to them,',
      'groups, and the rule behind each.',
      '',
      'EXAMPLES',
      '  hakiri policy explain --table customers',
      '  hakiri policy explain --table customers --token-file agent.token',
    ].join('\n'),
  },
});

const test = buildCommand<PolicyTestFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/policy-test.ts')).testPolicies),
  parameters: { flags: { project: projectFlag, json: jsonFlag } },
  docs: {
    brief: 'Check what the manifest expects of its policies',
    fullDescription: [
      'Checks every [[policy_test]] of the manifest, and fails when one does not hold. Tables that are not in the store',
      'yet are taken as the manifest speaks of them, so that this runs before anything is pulled.',
      '',
      'EXAMPLES',
      '  hakiri policy test',
    ].join('\n'),
  },
});

export const policyRoutes = buildRouteMap({
  routes: { explain, test },
  docs: { brief: 'Explain and test who may see what' },
});
