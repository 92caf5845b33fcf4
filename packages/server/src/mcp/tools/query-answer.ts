import type { Answer, QueryPlan } from '@hakiri/core';
import { z } from 'zod';
import {
  citationJson,
  citationOutput,
  freshnessJson,
  freshnessOutput,
  tableCitationJson,
  tableCitationOutput,
} from './citation.ts';
import { nextOutput } from './page.ts';
import { present } from './present.ts';

const plan = z.object({
  step: z.string(),
  detail: z.string().optional(),
  estimated_rows: z.number().optional(),
  rows: z.number().optional(),
  elapsed_ms: z.number().optional(),
  steps: z.array(z.unknown()).optional().describe('What it is made of, in the same form.'),
});

type PlanJson = z.input<typeof plan>;

export const queryOutput = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(z.unknown())).describe('Values in the order of columns.'),
  truncated: z
    .union([z.literal(false), z.enum(['rows', 'bytes'])])
    .describe('Which limit cut the answer short, if one did.'),
  elapsed_ms: z.number(),
  citations: z.array(z.array(citationOutput)).optional().describe('citations[i] are the sources of rows[i].'),
  cited_tables: z
    .array(tableCitationOutput)
    .optional()
    .describe('Instead of citations where rows are aggregated: the tables they were computed from.'),
  freshness: z.array(freshnessOutput).optional(),
  policy: z
    .array(z.object({ table: z.string(), column: z.string(), action: z.string() }))
    .optional()
    .describe('Columns that were withheld or masked.'),
  plan: plan.optional(),
  next: nextOutput,
});

export type QueryJson = z.input<typeof queryOutput>;

export function answerJson(answer: Answer): QueryJson {
  const { citations } = answer;
  const withheld = (answer.policy?.columns ?? []).map(({ table, column, action }) => ({
    table,
    column,
    action,
  }));
  return present({
    columns: answer.columns.map(({ name, type }) => ({ name, type })),
    rows: answer.rows.map((row) => [...row]),
    truncated: answer.truncated,
    elapsed_ms: toMicroseconds(answer.elapsedMs),
    citations:
      citations?.kind === 'rows' ? citations.rows.map((sources) => sources.map(citationJson)) : undefined,
    cited_tables: citations?.kind === 'tables' ? citations.tables.map(tableCitationJson) : undefined,
    freshness: answer.freshness?.map(freshnessJson),
    policy: withheld.length === 0 ? undefined : withheld,
    plan: answer.plan && planJson(answer.plan),
    next: answer.next,
  });
}

/** Digits behind that are noise. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function planJson({ step, detail, estimatedRows, rows, elapsedMs, steps }: QueryPlan): PlanJson {
  return present({
    step,
    detail,
    estimated_rows: estimatedRows,
    rows,
    elapsed_ms: elapsedMs && toMicroseconds(elapsedMs),
    steps: steps?.map(planJson),
  });
}

export function answerText({
  columns,
  rows,
  citations,
  cited_tables: tables,
  truncated,
  next,
}: QueryJson): string {
  const lines = rows.map((row, i) => {
    const sources = citations?.[i]?.flatMap(({ address }) => address ?? []) ?? [];
    return [JSON.stringify(row), ...sources].join(' ');
  });
  return [
    `columns: ${JSON.stringify(columns.map(({ name }) => name))}`,
    ...lines,
    ...(tables ?? []).map(({ address }) => `computed from ${address}`),
    `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}${truncated === false ? '' : `, cut short by the limit of ${truncated}`}.`,
    ...(next === undefined ? [] : [`More: repeat the same call with next = "${next}".`]),
  ].join('\n');
}
