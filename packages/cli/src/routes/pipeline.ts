import { buildCommand, buildRouteMap } from '@stricli/core';
import type { PipelineDescribeFlags, PipelineListFlags } from '../commands/pipeline.ts';
import type { PipelineConvertFlags } from '../commands/pipeline-convert.ts';
import { type CliContext, lazily } from '../context.ts';
import { jsonFlag, projectFlag } from './common-flags.ts';
import { proposePipelines } from './propose.ts';

const list = buildCommand<PipelineListFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/pipeline.ts')).listPipelines),
  parameters: { flags: { project: projectFlag, json: jsonFlag } },
  docs: {
    brief: 'List the pipelines of the manifest',
    fullDescription: ['Lists the pipelines of the manifest.', '', 'EXAMPLES', '  hakiri pipeline list'].join(
      '\n',
    ),
  },
});

const describe = buildCommand<PipelineDescribeFlags, [id: string], CliContext>({
  loader: lazily(async () => (await import('../commands/pipeline.ts')).describePipeline),
  parameters: {
    flags: { project: projectFlag, json: jsonFlag },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: String, placeholder: 'PIPELINE', brief: 'Its id', proposeCompletions: proposePipelines },
      ],
    },
  },
  docs: {
    brief: 'Show a pipeline with every default filled in',
    fullDescription: [
      'Shows what the manifest says of a pipeline, with every default filled in.',
      '',
      'EXAMPLES',
      '  hakiri pipeline describe github-issues',
    ].join('\n'),
  },
});

const convert = buildCommand<PipelineConvertFlags, [file: string], CliContext>({
  loader: lazily(async () => (await import('../commands/pipeline-convert.ts')).convertPipeline),
  parameters: {
    flags: {
      to: { kind: 'enum', values: ['toml', 'json'], brief: 'The form to write' },
      output: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'FILE',
        brief: 'Write to this file, which must not exist yet, instead of standard output',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, placeholder: 'FILE', brief: 'A manifest, .toml or .json' }],
    },
  },
  docs: {
    brief: 'Convert a manifest between TOML and JSON',
    fullDescription: [
      'Checks a manifest and writes it in the other form. Comments do not survive: JSON has none.',
      '',
      'EXAMPLES',
      '  hakiri pipeline convert hakiri.toml --to json',
      '  hakiri pipeline convert pipelines/orders.json --to toml --output pipelines/orders.toml',
    ].join('\n'),
  },
});

export const pipelineRoutes = buildRouteMap({
  routes: { list, describe, convert },
  docs: { brief: 'List, show and convert pipelines' },
});
