import type { PipelineSummary } from '@hakiri/core';
import { z } from 'zod';
import { audited } from '../../caller/audited.ts';
import { mayReadAny, mayRunAny } from '../../caller/rights.ts';
import { visiblePipelines } from '../../caller/visible-pipelines.ts';
import {
  DEFAULT_MAX_BYTES,
  jsonBytes,
  listText,
  maxBytesField,
  nextField,
  nextOf,
  nextOutput,
  pageOf,
} from './page.ts';
import { present } from './present.ts';
import { answer, defineTool } from './tool.ts';

const pipeline = z.object({
  id: z.string(),
  connector: z.string(),
  tables: z
    .array(z.string())
    .optional()
    .describe('Tables it feeds, of those you see; missing until the source has told them.'),
  schedule: z.string().optional(),
  next_run: z.string().optional(),
  running: z.boolean(),
  last_run: z
    .object({
      job: z.string(),
      state: z.enum(['running', 'done', 'partial_failure', 'failed', 'interrupted']),
      started_at: z.string(),
      ended_at: z.string().nullable(),
      error_code: z.string().nullable(),
    })
    .optional(),
});

export const pipelineList = defineTool({
  name: 'pipeline_list',
  title: 'List pipelines',
  description:
    'Lists the pipelines that pull data into the tables: which tables each feeds, its schedule, whether it runs now, and how its last run ended. Look here when data is older than a question allows, or missing.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ max_bytes: maxBytesField, next: nextField }),
  output: z.object({ pipelines: z.array(pipeline), next: nextOutput }),
  isFor: ({ grant }) => mayReadAny(grant) || mayRunAny(grant),
  async run({ max_bytes: maxBytes = DEFAULT_MAX_BYTES, next }, { services, grant }) {
    const visible = await audited(
      services.audit,
      { action: 'pipeline_list', grant },
      () => visiblePipelines(services, grant),
      ({ length }) => length,
    );
    const all = visible.map(pipelineJson);
    const page = pageOf(all, { next, maxBytes, bytes: (one) => jsonBytes(one) + line(one).length });
    return answer({ pipelines: page.items, ...nextOf(page) }, false, ({ pipelines }) =>
      listText(pipelines.map(line), page, 'There are no pipelines.'),
    );
  },
});

type PipelineJson = z.input<typeof pipeline>;

function pipelineJson(summary: PipelineSummary): PipelineJson {
  const { id, connector, tables, schedule, nextRun, running, lastJob } = summary;
  return present({
    id,
    connector,
    tables: tables && [...tables],
    schedule,
    next_run: nextRun,
    running,
    last_run: lastJob && {
      job: lastJob.job,
      state: lastJob.state,
      started_at: lastJob.startedAt,
      ended_at: lastJob.endedAt,
      error_code: lastJob.errorCode,
    },
  });
}

function line({ id, connector, tables, schedule, running, last_run: last }: PipelineJson): string {
  const notes = [
    connector,
    ...(tables === undefined || tables.length === 0 ? [] : [`feeds ${tables.join(', ')}`]),
    schedule ?? 'no schedule',
    running ? 'running now' : last === undefined ? 'never run' : `last ${last.state} at ${last.started_at}`,
  ];
  return `- ${id} (${notes.join('; ')})`;
}
