import { ACTIONS } from '@hakiri/core';
import { buildCommand, buildRouteMap } from '@stricli/core';
import type { TokenAttenuateFlags } from '../commands/token-attenuate.ts';
import type { TokenInspectFlags, TokenVerifyFlags } from '../commands/token-inspect.ts';
import type { TokenIssueFlags } from '../commands/token-issue.ts';
import type { TokenListFlags } from '../commands/token-list.ts';
import type { TokenRevokeFlags } from '../commands/token-revoke.ts';
import { type CliContext, lazily } from '../context.ts';
import { parseCount, parseDuration, parseIndex } from '../flag-values.ts';
import { parseTable, parseZone, parseZoneRule } from '../token-flags.ts';
import { jsonFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

const text = { kind: 'parsed', parse: String, optional: true } as const;
const list = { ...text, variadic: true } as const;

const restrictions = {
  rows: { ...text, placeholder: 'PREDICATE', brief: 'Only rows of which this holds' },
  columns: { ...text, placeholder: 'A,B', brief: 'Only these columns' },
  column: {
    ...list,
    placeholder: 'COLUMN=ACTION',
    brief: 'What is done to a column: deny, redact, hash, tokenize or mask',
  },
  minGroup: {
    kind: 'parsed',
    parse: parseCount,
    optional: true,
    placeholder: 'N',
    brief: 'Only aggregates, over at least so many keys',
  },
} as const;

const tokenFile = {
  ...text,
  placeholder: 'FILE',
  brief: 'Where the token is; - for standard input. Default: HAKIRI_TOKEN, else standard input',
} as const;

const table = {
  kind: 'parsed',
  parse: parseTable,
  variadic: true,
  placeholder: 'TABLE',
  proposeCompletions: proposeTables,
} as const;

const issue = buildCommand<TokenIssueFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/token-issue.ts')).issue),
  parameters: {
    flags: {
      agent: { kind: 'parsed', parse: String, placeholder: 'AGENT', brief: 'Whom it is for' },
      host: { ...text, placeholder: 'HOST', brief: 'The program or machine that the agent runs in' },
      onBehalfOf: { ...text, placeholder: 'USER', brief: 'For whom the agent acts' },
      task: { ...text, placeholder: 'TASK', brief: 'What it is to do' },
      zone: {
        kind: 'parsed',
        parse: parseZone,
        optional: true,
        placeholder: 'ZONE',
        brief: 'Where its model runs: local:device, on-prem:NAME, private-cloud:NAME, public-cloud:NAME',
      },
      table: { ...table, brief: 'A table that it may use; "*" is all. May be given several times' },
      action: {
        kind: 'enum',
        values: ACTIONS,
        optional: true,
        variadic: true,
        brief: 'What it may do with them; read without it. With run, TABLE is a pipeline',
      },
      ...restrictions,
      ttl: {
        kind: 'parsed',
        parse: parseDuration,
        default: '1h',
        placeholder: 'TIME',
        brief: 'How long it holds',
      },
      proofKey: {
        ...text,
        placeholder: 'KEY',
        brief: 'The key that its holder has to prove (DPoP): a thumbprint, or a PEM or JWK file',
      },
      project: projectFlag,
      json: jsonFlag,
    },
  },
  docs: {
    brief: 'Make a token, and print it',
    customUsage: ['--agent AGENT --table TABLE [--action ACTION] [--rows PREDICATE] [--ttl TIME]'],
    fullDescription: [
      "Signs a token with the project's key and prints it alone on standard output. The key is made at first need, and",
      'its public half is written into hakiri.toml. Whoever has the token has what it gives: keep it like a password.',
      '',
      'EXAMPLES',
      '  hakiri token issue --agent triage --zone local:device --table github_issues --action read --action search',
      `  hakiri token issue --agent report --table github_issues --rows "state = 'open'" --columns id,title --ttl 1d`,
    ].join('\n'),
  },
});

const attenuate = buildCommand<TokenAttenuateFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/token-attenuate.ts')).attenuate),
  parameters: {
    flags: {
      table: {
        ...table,
        optional: true,
        brief: 'Only this table; may be given several times. The rest is about it',
      },
      ...restrictions,
      zone: {
        ...list,
        parse: parseZoneRule,
        placeholder: 'ZONE',
        brief: 'Only callers in this zone; on-prem:* is any of a kind',
      },
      ttl: {
        kind: 'parsed',
        parse: parseDuration,
        optional: true,
        placeholder: 'TIME',
        brief: 'How long it holds from now; not longer than it does',
      },
      delegate: { ...text, placeholder: 'AGENT', brief: 'Whom it is passed on to: goes into the audit' },
      task: { ...text, placeholder: 'TASK', brief: 'What that agent is to do' },
      proofKey: {
        ...text,
        placeholder: 'KEY',
        brief: 'The key that is to be proven from now on: a thumbprint, or a PEM or JWK file',
      },
      signedBy: { ...text, placeholder: 'FILE', brief: 'The private key that is proven now, as PEM' },
      tokenFile,
      json: jsonFlag,
    },
  },
  docs: {
    brief: 'Make a token that holds less of one, and print it',
    customUsage: ['[--table TABLE] [--rows PREDICATE] [--ttl TIME] [--delegate AGENT] < TOKEN'],
    fullDescription: [
      'Takes a token from a file, HAKIRI_TOKEN or standard input, and prints one that may do less. It needs neither the',
      'project nor its key: whoever holds a token can pass a part of it on, and nobody can take that part off again.',
      '',
      'EXAMPLES',
      `  hakiri token attenuate --table github_issues --rows "state = 'open'" --ttl 10m < lead.token`,
      '  hakiri token attenuate --delegate scout --task triage --columns id,title < lead.token',
    ].join('\n'),
  },
});

const inspect = buildCommand<TokenInspectFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/token-inspect.ts')).inspect),
  parameters: { flags: { tokenFile, json: jsonFlag } },
  docs: {
    brief: 'Say what a token says',
    customUsage: ['[--json] < TOKEN'],
    fullDescription: [
      'Takes a token from a file, HAKIRI_TOKEN or standard input, and says whom it is for and what it gives. It needs no',
      'key, and so it cannot say whether the token is genuine.',
      '',
      'EXAMPLES',
      '  hakiri token inspect < agent.token',
    ].join('\n'),
  },
});

const verify = buildCommand<TokenVerifyFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/token-inspect.ts')).verify),
  parameters: { flags: { tokenFile, project: projectFlag, json: jsonFlag } },
  docs: {
    brief: 'Check that a token holds, and say what it says',
    customUsage: ['[--json] < TOKEN'],
    fullDescription: [
      'Takes a token from a file, HAKIRI_TOKEN or standard input, and checks it as a server would: signatures by the',
      "public keys of the manifest, times, revocation. Proof of possession is the holder's, and is not asked for.",
      '',
      'EXAMPLES',
      '  hakiri token verify < agent.token',
    ].join('\n'),
  },
});

const revoke = buildCommand<TokenRevokeFlags, [id?: string], CliContext>({
  loader: lazily(async () => (await import('../commands/token-revoke.ts')).revoke),
  parameters: {
    flags: {
      block: {
        kind: 'parsed',
        parse: parseIndex,
        optional: true,
        placeholder: 'N',
        brief: 'Of a token that is given: the block from which on it ends; the last without it',
      },
      reason: { ...text, placeholder: 'TEXT', brief: 'Why; kept beside it' },
      tokenFile: { ...tokenFile, brief: 'Where the token is; standard input without it' },
      project: projectFlag,
      json: jsonFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: String,
          optional: true,
          placeholder: 'ID',
          brief: 'Of a token that `hakiri token list` lists',
        },
      ],
    },
  },
  docs: {
    brief: 'End a token, and all that was made of it',
    customUsage: ['ID [--reason TEXT]', '[--block N] [--reason TEXT] < TOKEN'],
    fullDescription: [
      'Refuses a token from the next request on, and every token that was made of it. The token is named by its id, or',
      'given in a file or on standard input. There is no way back.',
      '',
      'EXAMPLES',
      '  hakiri token revoke 2a9c4d2b826f4b17',
      '  hakiri token revoke --block 1 --reason "the agent went astray" < sub-agent.token',
    ].join('\n'),
  },
});

const listCommand = buildCommand<TokenListFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/token-list.ts')).listTokens),
  parameters: { flags: { project: projectFlag, json: jsonFlag } },
  docs: {
    brief: 'List the tokens that were issued here',
    fullDescription: [
      'Lists what was issued on this machine, without the tokens, and what was revoked. What holders made of them is',
      'known to nobody else.',
      '',
      'EXAMPLES',
      '  hakiri token list',
    ].join('\n'),
  },
});

export const tokenRoutes = buildRouteMap({
  routes: { issue, attenuate, inspect, verify, revoke, list: listCommand },
  docs: { brief: 'Issue, narrow, check and revoke capability tokens' },
});
