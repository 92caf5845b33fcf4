import type { TableSummary } from '@hakiri/core';
import { z } from 'zod';
import { oneLine } from '../clean-text.ts';
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

const output = z.object({
  tables: z.array(
    z.object({
      name: z.string(),
      description: z.string().optional(),
      stored_rows: z
        .int()
        .optional()
        .describe(
          'Older versions of a row counted, too: an upper bound. Missing where you may not see all of it.',
        ),
      bytes: z.int().optional(),
      last_commit: z.string().optional(),
      partitioned_by: z.string().optional(),
    }),
  ),
  next: nextOutput,
});

export const contextTables = defineTool({
  name: 'context_tables',
  title: 'List tables',
  description:
    'Lists the tables of this project with what they hold, their size and when they were last updated. Start here; then call context_describe for each table you are going to query.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ max_bytes: maxBytesField, next: nextField }),
  output,
  async run({ max_bytes: maxBytes = DEFAULT_MAX_BYTES, next }, { services, grant }) {
    const all = (await services.serve.tables(grant)).map(tableJson);
    const page = pageOf(all, { next, maxBytes, bytes: (table) => jsonBytes(table) + line(table).length });
    return answer({ tables: page.items, ...nextOf(page) }, true, ({ tables }) =>
      listText(tables.map(line), page, 'There are no tables yet. pipeline_run pulls them.'),
    );
  },
});

type TableJson = z.input<typeof output>['tables'][number];

function tableJson({ name, description, storedRows, bytes, lastCommit, snapshot }: TableSummary): TableJson {
  return present({
    name,
    description,
    stored_rows: storedRows,
    bytes,
    last_commit: lastCommit,
    partitioned_by: snapshot?.partitionedBy,
  });
}

function line({ name, description, stored_rows: rows, last_commit: updated }: TableJson): string {
  const parts = [
    ...(rows === undefined ? [] : [`${rows} rows stored`]),
    ...(updated === undefined ? [] : [`updated ${updated}`]),
  ];
  return `- ${name}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}${description === undefined ? '' : `: ${oneLine(description)}`}`;
}
