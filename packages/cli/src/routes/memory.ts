import { buildCommand, buildRouteMap } from '@stricli/core';
import type { MemoryForgetFlags, MemorySearchFlags, MemoryWriteFlags } from '../commands/memory.ts';
import { type CliContext, lazily } from '../context.ts';
import { parseCount } from '../flag-values.ts';
import { jsonFlag, projectFlag } from './common-flags.ts';

const text = { kind: 'parsed', parse: String, optional: true } as const;
const namespace = {
  ...text,
  placeholder: 'NAME',
  brief: 'Whose memory: the table memory_NAME; "default" without it',
} as const;
const tag = { ...text, variadic: true, placeholder: 'TAG' } as const;
const off = { kind: 'boolean', default: false, withNegated: false } as const;

const write = buildCommand<MemoryWriteFlags, [text: string], CliContext>({
  loader: lazily(async () => (await import('../commands/memory.ts')).writeMemory),
  parameters: {
    flags: {
      namespace,
      subject: { ...text, placeholder: 'SUBJECT', brief: 'Whom or what it is about' },
      tag: { ...tag, brief: 'A tag; may be given several times' },
      metadata: { ...text, placeholder: 'JSON', brief: 'A JSON object kept with it' },
      source: { ...text, placeholder: 'SOURCE', brief: 'Where it comes from' },
      supersedes: { ...text, placeholder: 'ID', brief: 'An item that this one replaces' },
      project: projectFlag,
      json: jsonFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: String, placeholder: 'TEXT', brief: 'What to remember; - reads it from standard input' },
      ],
    },
  },
  docs: {
    brief: 'Remember a text',
    fullDescription: [
      'Writes an item and prints its id. It is on the disk, and can be searched for, when the command ends.',
      '',
      'EXAMPLES',
      '  hakiri memory write --subject ada --tag editor "prefers tabs"',
    ].join('\n'),
  },
});

const search = buildCommand<MemorySearchFlags, [text?: string], CliContext>({
  loader: lazily(async () => (await import('../commands/memory.ts')).searchMemory),
  parameters: {
    flags: {
      namespace,
      subject: { ...text, placeholder: 'SUBJECT', brief: 'Only items about it' },
      tag: { ...tag, brief: 'Only items with this tag; may be given several times' },
      filter: { ...text, placeholder: 'PREDICATE', brief: 'Only items for which this is true' },
      limit: { kind: 'parsed', parse: parseCount, default: '10', placeholder: 'N', brief: 'Items at most' },
      superseded: { ...off, brief: 'Also items that others have replaced' },
      project: projectFlag,
      json: jsonFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: String,
          optional: true,
          placeholder: 'TEXT',
          brief: 'What to look for; the newest items without it',
        },
      ],
    },
  },
  docs: {
    brief: 'Search what was remembered',
    fullDescription: [
      'Finds items by words and likeness, best first; without a text, the newest.',
      '',
      'EXAMPLES',
      '  hakiri memory search "which editor"',
      '  hakiri memory search --subject ada --tag editor',
    ].join('\n'),
  },
});

const forget = buildCommand<MemoryForgetFlags, string[], CliContext>({
  loader: lazily(async () => (await import('../commands/memory.ts')).forgetMemory),
  parameters: {
    flags: {
      namespace,
      subject: { ...text, placeholder: 'SUBJECT', brief: 'Every item about it' },
      erase: { ...off, brief: 'Also from the past and from every file, at once' },
      project: projectFlag,
      json: jsonFlag,
    },
    positional: {
      kind: 'array',
      parameter: { parse: String, placeholder: 'ID', brief: 'Items to forget' },
    },
  },
  docs: {
    brief: 'Forget items',
    fullDescription: [
      'Deletes items by id or by subject. Nobody finds them any more; what --as-of shows of the past still has them',
      'until it is collected. With --erase the bytes go at once, from every file.',
      '',
      'EXAMPLES',
      '  hakiri memory forget 01JAZ3NDEKTSV4RRFFQ69G5FAV',
      '  hakiri memory forget --subject ada --erase',
    ].join('\n'),
  },
});

export const memoryRoutes = buildRouteMap({
  routes: { write, search, forget },
  docs: { brief: 'Write, search and forget what agents remember' },
});
