import { buildCommand } from '@stricli/core';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag } from './common-flags.ts';

export const schemaRoute = buildCommand<{ readonly json: boolean }, [], CliContext>({
  loader: lazily(async () => (await import('../commands/schema.ts')).schema),
  parameters: { flags: { json: { ...jsonFlag, brief: 'Accepted for symmetry: the schema is JSON' } } },
  docs: {
    brief: "Print the manifest's JSON Schema",
    fullDescription: [
      'Prints the JSON Schema of hakiri.toml and of pipelines/*.toml and *.json, exactly as this build reads them.',
      '',
      'EXAMPLES',
      '  hakiri schema > manifest.schema.json',
    ].join('\n'),
  },
});
