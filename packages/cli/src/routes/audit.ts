import { buildCommand, buildRouteMap } from '@stricli/core';
import type {
  AuditExportFlags,
  AuditTailFlags,
  AuditVerifyFlags,
  ByAgentFlags,
  WhoReadFlags,
} from '../commands/audit.ts';
import { type CliContext, lazily } from '../context.ts';
import { parseCount, parseDuration } from '../flag-values.ts';
import { jsonFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

const text = { kind: 'parsed', parse: String, optional: true } as const;
const common = { project: projectFlag, json: jsonFlag } as const;
const since = {
  kind: 'parsed',
  parse: parseDuration,
  optional: true,
  placeholder: 'TIME',
  brief: 'Only what is younger than this: 24h, 30m; all without it',
} as const;

const tail = buildCommand<AuditTailFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/audit.ts')).tail),
  parameters: {
    flags: {
      lines: { kind: 'parsed', parse: parseCount, default: '20', placeholder: 'N', brief: 'Records to show' },
      ...common,
    },
    aliases: { n: 'lines' },
  },
  docs: {
    brief: 'Show the newest records',
    fullDescription: ['EXAMPLES', '  hakiri audit tail', '  hakiri audit tail -n 100 --json'].join('\n'),
  },
});

const whoRead = buildCommand<WhoReadFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/audit.ts')).whoRead),
  parameters: {
    flags: {
      table: {
        kind: 'parsed',
        parse: String,
        placeholder: 'TABLE',
        brief: 'The table',
        proposeCompletions: proposeTables,
      },
      key: {
        kind: 'parsed',
        parse: String,
        placeholder: 'KEY',
        brief: "The row's primary key; a JSON array where it has several columns",
      },
      since,
      ...common,
    },
  },
  docs: {
    brief: 'Say who was given a row, and who may have counted it in',
    fullDescription: [
      'Lists who was given the row, with everybody their token was passed on to; and apart from them who asked for',
      'aggregates, searches or exports of its table: whether the row had a part in those, their snapshot and predicate',
      'say, which --json shows.',
      '',
      'EXAMPLES',
      '  hakiri audit who-read --table customers --key 4711',
      '  hakiri audit who-read --table orders --key \'["eu", 4711]\' --since 24h --json',
    ].join('\n'),
  },
});

const byAgent = buildCommand<ByAgentFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/audit.ts')).byAgent),
  parameters: { flags: { since, ...common } },
  docs: {
    brief: 'Count requests by who made them',
    fullDescription: [
      'With --since, from the beginning of the hour in which that time lies.',
      '',
      'EXAMPLES',
      '  hakiri audit by-agent --since 24h',
    ].join('\n'),
  },
});

const verify = buildCommand<AuditVerifyFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/audit.ts')).verify),
  parameters: {
    flags: {
      file: { ...text, placeholder: 'FILE', brief: 'Check an exported file, with no project at hand' },
      publicKey: {
        ...text,
        variadic: true,
        placeholder: 'KEY',
        brief: 'A key that checkpoints may be signed with (ed25519/...); any when none is given',
      },
      ...common,
    },
  },
  docs: {
    brief: 'Check that no record was changed, removed, inserted or reordered',
    fullDescription: [
      'Reads the whole log, tells where the first thing is that does not fit, and ends with 1 if there is any.',
      'Someone who has the keys and rewrites log, head and checkpoints alike cannot be told from the log alone: keep',
      'exports elsewhere.',
      '',
      'EXAMPLES',
      '  hakiri audit verify',
      '  hakiri audit verify --file audit-2026-11.jsonl --public-key ed25519/...',
    ].join('\n'),
  },
});

const exportLog = buildCommand<AuditExportFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/audit.ts')).exportLog),
  parameters: {
    flags: {
      to: { kind: 'parsed', parse: String, placeholder: 'FILE', brief: 'Where to write it' },
      since: { ...since, brief: 'Only whole days from the one in which this lies; all without it' },
      force: { kind: 'boolean', default: false, withNegated: false, brief: 'Replace the file if it exists' },
      ...common,
    },
  },
  docs: {
    brief: 'Write the log to a file that proves itself elsewhere',
    fullDescription: [
      'Copies records and checkpoints as they are, lines of JSON. Where the project has a signing key here, the file',
      'can be checked by whoever knows the public key.',
      '',
      'EXAMPLES',
      '  hakiri audit export --to audit.jsonl',
    ].join('\n'),
  },
});

export const auditRoutes = buildRouteMap({
  routes: { tail, whoRead, byAgent, verify, export: exportLog },
  docs: { brief: 'Say who read what, and prove that the log is whole' },
});
