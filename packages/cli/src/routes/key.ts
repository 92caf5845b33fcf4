import { buildCommand, buildRouteMap } from '@stricli/core';
import type { KeyExportFlags, KeyImportFlags, KeyRotateFlags } from '../commands/key.ts';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag, projectFlag } from './common-flags.ts';

const exportCommand = buildCommand<KeyExportFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/key.ts')).exportKey),
  parameters: {
    flags: {
      to: { kind: 'parsed', parse: String, placeholder: 'FILE', brief: 'A new file, for its owner alone' },
      project: projectFlag,
      json: jsonFlag,
    },
  },
  docs: {
    brief: "Write the project's keys into a file",
    fullDescription: [
      'Writes the key that tokens are signed with, and the one that pseudonyms are made with, into a new file that its',
      'owner alone can read. Whoever has it is the owner of the project: move it by a safe way, and delete it.',
      '',
      'EXAMPLES',
      '  hakiri key export --to project.keys',
    ].join('\n'),
  },
});

const importCommand = buildCommand<KeyImportFlags, [file: string], CliContext>({
  loader: lazily(async () => (await import('../commands/key.ts')).importKey),
  parameters: {
    flags: { project: projectFlag, json: jsonFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, placeholder: 'FILE', brief: 'What `hakiri key export` wrote' }],
    },
  },
  docs: {
    brief: 'Take the keys of a file over',
    fullDescription: [
      'Makes this machine one where tokens of the project are issued, and where the same values have the same',
      'pseudonyms. A key that is here already is never replaced.',
      '',
      'EXAMPLES',
      '  hakiri key import project.keys',
    ].join('\n'),
  },
});

const rotate = buildCommand<KeyRotateFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/key.ts')).rotateKey),
  parameters: {
    flags: {
      dropOld: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Make no key, and refuse tokens of earlier ones from now on',
      },
      project: projectFlag,
      json: jsonFlag,
    },
  },
  docs: {
    brief: 'Sign with another key from now on',
    fullDescription: [
      'Makes another key to sign with, and writes its public half into hakiri.toml, beside the old one: tokens of both',
      'hold. Once the old ones have expired, --drop-old takes their key out. Pseudonyms stay as they are.',
      '',
      'EXAMPLES',
      '  hakiri key rotate',
      '  hakiri key rotate --drop-old',
    ].join('\n'),
  },
});

export const keyRoutes = buildRouteMap({
  routes: { export: exportCommand, import: importCommand, rotate },
  docs: { brief: "Move and rotate the project's keys" },
});
