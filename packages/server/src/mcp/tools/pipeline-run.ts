import { z } from 'zod';
import { audited } from '../../caller/audited.ts';
import { mayRunAny, requireRun } from '../../caller/rights.ts';
import { seenTables, type VisibleRan, visibleRan } from '../../caller/visible-pipelines.ts';
import { oneLine } from '../clean-text.ts';
import { present } from './present.ts';
import { answer, defineTool } from './tool.ts';

const output = z.object({
  job: z.string(),
  state: z.enum(['done', 'partial_failure', 'failed', 'interrupted']),
  tables: z.array(
    z.object({
      table: z.string(),
      rows: z.int().optional().describe('Rows committed; missing where you may not see all of the table.'),
      set_aside: z.int().optional().describe('Records that did not fit and are kept in quarantine.'),
      runs: z.array(z.string()),
      error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
    }),
  ),
});

export const pipelineRun = defineTool({
  name: 'pipeline_run',
  title: 'Run a pipeline',
  description:
    'Pulls what is new from the source of one pipeline and returns once it is committed and searchable: seconds as a rule, longer for a first pull. Reports progress; cancelling ends it at the next commit, and what was committed stays. Use it when freshness says the data is too old for the question; scheduled pipelines need no help.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  input: z.strictObject({ id: z.string().min(1).max(200).describe('An id from pipeline_list.') }),
  output,
  isFor: ({ grant }) => mayRunAny(grant),
  async run({ id }, { services, grant, signal, progress }) {
    const ran = await audited(services.audit, { action: 'pipeline_run', grant, target: id }, async () => {
      requireRun(grant, id);
      const isAllSeen = (await seenTables(services, grant)) === undefined;
      let told = 0;
      const all = await services.pipelines.run(id, {
        signal,
        // How much comes in is for whoever may count it.
        progress: ({ rows, message }) =>
          isAllSeen ? progress(rows, message) : progress(++told, 'The pipeline runs.'),
      });
      // Tables may have come with this very run.
      return visibleRan(all, await seenTables(services, grant));
    });
    // The message of an error may quote what a source answered.
    return answer(ranJson(ran), ran.state !== 'done', (told) => ranText(id, told));
  },
});

type RanJson = z.input<typeof output>;

function ranJson({ job, state, tables }: VisibleRan): RanJson {
  return {
    job,
    state,
    tables: tables.map(({ table, rows, setAside, runs, error }) =>
      present({ table, rows, set_aside: setAside, runs: [...runs], error: error && { ...error } }),
    ),
  };
}

function ranText(id: string, { state, tables }: RanJson): string {
  return [
    `${id}: ${state}`,
    ...tables.map(({ table, rows, set_aside: aside, error }) => {
      const notes = [
        ...(rows === undefined ? [] : [`${rows} rows`]),
        ...(aside ? [`${aside} set aside`] : []),
        ...(error === undefined ? [] : [`error[${error.code}]: ${error.message}`]),
      ];
      return oneLine(`- ${[table, ...(notes.length === 0 ? [] : [notes.join(', ')])].join(': ')}`);
    }),
  ].join('\n');
}
