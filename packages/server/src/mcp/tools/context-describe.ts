import type { IndexDescription, JsonValue, TableDescription } from '@hakiri/core';
import { z } from 'zod';
import { oneLine } from '../clean-text.ts';
import {
  DEFAULT_MAX_BYTES,
  jsonBytes,
  maxBytesField,
  nextField,
  nextOf,
  nextOutput,
  pageOf,
} from './page.ts';
import { present } from './present.ts';
import { shortenLongest } from './shorten.ts';
import { answer, defineTool } from './tool.ts';

const output = z.object({
  name: z.string(),
  description: z.string().optional(),
  rows: z.int().optional().describe('That you see; missing where you may not count them.'),
  mode: z.string().describe('merge: a row per key; append: rows are never replaced; replace: pulled whole.'),
  primary_key: z.array(z.string()),
  incremental: z.string().optional().describe('The column that says when the source changed a row.'),
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.string().describe('Dots reach into a struct: user.login.'),
      key: z.boolean(),
      hint: z.string().optional(),
    }),
  ),
  indexes: z
    .array(
      z.object({
        name: z.string(),
        kind: z.enum(['fts', 'vector']),
        columns: z.array(z.string()),
        analyzer: z.string().optional(),
        model: z.string().optional(),
        dims: z.int().optional(),
        model_kind: z.enum(['lexical', 'semantic']).optional().describe('lexical: knows words, not meaning.'),
        rows_behind: z.int().optional().describe('Rows the index does not hold yet.'),
      }),
    )
    .describe('What search can use; without one, use filter.'),
  partitions: z.array(z.string()),
  last_commit: z.string().optional(),
  age_ms: z.number(),
  pipelines: z.array(z.string()).describe('What pipeline_run takes to bring the table up to date.'),
  set_aside: z.int().optional().describe('Records that did not fit and are kept in quarantine.'),
  as_of: z
    .object({ runs: z.int(), snapshots: z.int() })
    .optional()
    .describe('How many past states as_of can still read.'),
  examples: z
    .array(z.array(z.unknown()))
    .describe('A few rows in the order of columns, values shortened; on the first page only.'),
  next: nextOutput,
});

type Described = z.input<typeof output>;

export const contextDescribe = defineTool({
  name: 'context_describe',
  title: 'Describe a table',
  description:
    'Tells what is needed to query one table right the first time: its columns with types and hints, primary key, search indexes, partitions, a few example rows, and how old the data is. Call it before the first context_query on a table.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    table: z.string().min(1).max(200).describe('A name from context_tables.'),
    max_bytes: maxBytesField,
    next: nextField,
  }),
  output,
  async run({ table, max_bytes: maxBytes = DEFAULT_MAX_BYTES, next }, { services, grant }) {
    const description = await services.serve.describe(table, grant);
    const head = headJson(description, next === undefined ? exampleRows(description, maxBytes) : []);
    const page = pageOf(description.columns.map(columnJson), {
      next,
      maxBytes: Math.max(maxBytes / 4, maxBytes - bytesOf(head)),
      bytes: (column) => jsonBytes(column) + columnLine(column).length,
    });
    const structured = {
      ...head,
      columns: [...page.items],
      ...nextOf(page),
    } satisfies Described;
    return answer(structured, true, describedText);
  },
});

/** Examples take a quarter of the answer at most. */
function exampleRows({ examples }: TableDescription, maxBytes: number): readonly (readonly JsonValue[])[] {
  return shortenLongest(examples, maxBytes / 8);
}

function headJson(
  table: TableDescription,
  examples: readonly (readonly JsonValue[])[],
): Omit<Described, 'columns' | 'next'> {
  return present({
    name: table.name,
    description: table.description,
    rows: table.rows,
    mode: table.mode,
    primary_key: [...table.primaryKey],
    incremental: table.incremental,
    indexes: table.indexes.map(indexJson),
    partitions: table.partitions.slice(0, 100),
    last_commit: table.lastCommit,
    age_ms: table.ageMs,
    pipelines: [...table.pipelines],
    set_aside: table.quarantined,
    as_of: table.past,
    examples: examples.map((row) => [...row]),
  });
}

function indexJson(index: IndexDescription): Described['indexes'][number] {
  const { name, kind, columns, analyzer, model, dims, modelKind, rowsBehind } = index;
  return present({
    name,
    kind,
    columns: [...columns],
    analyzer,
    model,
    dims,
    model_kind: modelKind,
    rows_behind: rowsBehind,
  });
}

type ColumnJson = Described['columns'][number];

function columnJson({ name, type, key, hint }: TableDescription['columns'][number]): ColumnJson {
  return present({ name, type, key, hint });
}

function columnLine({ name, type, key, hint }: ColumnJson): string {
  return oneLine(`- ${name} ${type}${key ? ', key' : ''}${hint === undefined ? '' : `: ${hint}`}`);
}

/** In the answer, as JSON and as text. */
function bytesOf(head: Omit<Described, 'columns' | 'next'>): number {
  return jsonBytes(head) + Buffer.byteLength(describedText({ ...head, columns: [] }));
}

function describedText(table: Described): string {
  return [
    `${table.name}: ${table.rows === undefined ? '' : `${table.rows} rows, `}${table.mode}, updated ${table.last_commit ?? 'never'}`,
    ...(table.description === undefined ? [] : [oneLine(table.description)]),
    'columns:',
    ...table.columns.map(columnLine),
    ...(table.next === undefined ? [] : [`More columns: call again with next = "${table.next}".`]),
    ...table.indexes.map(indexLine),
    ...(table.examples.length === 0 ? [] : ['examples:']),
    ...table.examples.map((row) => JSON.stringify(row)),
  ].join('\n');
}

function indexLine({
  name,
  kind,
  columns,
  model_kind,
  rows_behind: behind,
}: Described['indexes'][number]): string {
  const notes = [
    ...(model_kind === undefined ? [] : [model_kind]),
    ...(behind === undefined || behind === 0 ? [] : [`${behind} rows behind`]),
  ];
  return `index ${name}: ${kind} on ${columns.join(', ')}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
}
