import type { FoundRow } from '@hakiri/core';
import { z } from 'zod';
import { mayAny } from '../../caller/rights.ts';
import { citationJson, citationOutput } from './citation.ts';
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

const scalar = z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()]);

const output = z.object({
  rows: z
    .array(
      z.object({
        found: z.boolean(),
        values: z.record(z.string(), z.unknown()).optional(),
        citation: citationOutput.optional(),
      }),
    )
    .describe('In the order of keys.'),
  next: nextOutput,
});

export const contextGet = defineTool({
  name: 'context_get',
  title: 'Get rows by key',
  description:
    'Reads whole rows of one table by their primary key, with citations: the quick way once a search or a query gave the keys. Keys are lists of the key columns\' values in their order: {"table": "issues", "keys": [[4711], [4712]]}. In a table without a primary key the key is [run, sequence], as citations give it.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    table: z.string().min(1).max(200).describe('A name from context_tables.'),
    keys: z.array(z.array(scalar).min(1).max(32)).min(1).max(200),
    select: z.array(z.string().max(1000)).max(1000).optional().describe('Columns; all when left out.'),
    max_bytes: maxBytesField,
    next: nextField,
  }),
  output,
  isFor: ({ grant }) => mayAny(grant, 'read'),
  async run({ table, keys, select, max_bytes: maxBytes = DEFAULT_MAX_BYTES, next }, { services, grant }) {
    const found = await services.serve.get(present({ table, keys, select }), grant);
    const page = pageOf(found.map(rowJson), {
      next,
      maxBytes,
      bytes: (row) => jsonBytes(row) + Buffer.byteLength(line(row)),
    });
    return answer({ rows: page.items, ...nextOf(page) }, true, ({ rows }) =>
      listText(rows.map(line), page, 'There are no such rows.'),
    );
  },
});

type RowJson = z.input<typeof output>['rows'][number];

function rowJson(row: FoundRow | undefined): RowJson {
  if (row === undefined) return { found: false };
  return { found: true, values: { ...row.values }, citation: citationJson(row.citation) };
}

function line({ values, citation }: RowJson): string {
  return citation === undefined
    ? 'no such row'
    : [JSON.stringify(values), citation.address ?? ''].join(' ').trimEnd();
}
