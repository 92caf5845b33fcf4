import { type Answer, HakiriError, isHakiriError } from '@hakiri/core';
import { z } from 'zod';
import { mayReadAny } from '../../caller/rights.ts';
import { jsonBytes } from './page.ts';
import { answerJson, answerText, queryOutput } from './query-answer.ts';
import { type BoundedRequest, queryInput, readQueryRequest } from './query-request.ts';
import { answer, defineTool, type ToolAnswer, type ToolContext } from './tool.ts';

export const contextQuery = defineTool({
  name: 'context_query',
  title: 'Query and search',
  description: `Answers a question from the project's tables in one call, with citations. Two forms:
1. One table: {"table": "issues", "select": ["title", "user.login"], "filter": "state = 'open' and comments > 3", "search": {"text": "memory leak while reading parquet", "k": 20}, "order_by": ["updated_at desc"], "limit": 20}
2. SQL over several tables, joined with searches: {"sql": "select t.subject, a.name from hits h join tickets t using (id) join accounts a on a.id = t.account_id order by h._rank", "search": {"hits": {"table": "tickets", "text": "checkout outage", "k": 50, "filter": "created_at > '2026-10-01'", "in": {"account_id": "select id from accounts where risk > 0.8"}}}}
A named search is a relation of the table's key columns, _score and _rank. Its filter and in hold before the search, so that k rows are k rows that pass. SQL is DuckDB's dialect, one SELECT. Call context_describe first for the names of columns, keys and indexes; prefer aggregates in SQL to reading many rows. When the answer has next, repeat the same call with next added.`,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.unknown(),
  listedInput: queryInput,
  output: queryOutput,
  isFor: ({ grant }) => mayReadAny(grant),
  run: (given, context) => fit(readQueryRequest(given), context),
});

/** Asks anew with fewer bytes for rows until everything beside them fits, too; `next` then goes on from there. */
async function fit(
  { request, maxBytes }: BoundedRequest,
  { services, grant, signal }: ToolContext,
): Promise<ToolAnswer> {
  const ask = (bytesOfRows: number): Promise<Answer> =>
    services.serve.query({ ...request, maxBytes: Math.floor(bytesOfRows), signal }, grant);
  let found = await askForSome(ask, maxBytes);
  for (;;) {
    const told = answer(answerJson(found), true, answerText);
    const bytes = jsonBytes(told.structured) + Buffer.byteLength(told.text);
    if (bytes <= maxBytes) return told;
    if (found.rows.length <= 1) {
      throw new HakiriError(
        'query.too_large',
        `The answer is larger than ${maxBytes} bytes with a single row`,
        {
          hint: 'Select fewer columns, or ask for a part of a text: substr(column, 1, 1000). Or raise max_bytes.',
        },
      );
    }
    const bytesOfRows = jsonBytes(found.rows);
    found = await ask(Math.min(bytesOfRows * 0.8, (bytesOfRows * maxBytes * 0.9) / bytes));
  }
}

/** Rows stand in the answer twice, as JSON and as text; their citations take about as much again. */
async function askForSome(ask: (bytesOfRows: number) => Promise<Answer>, maxBytes: number): Promise<Answer> {
  try {
    return await ask(maxBytes / 3);
  } catch (error) {
    // One row is larger than that, and may fit by itself.
    if (!isHakiriError(error) || error.code !== 'query.too_large') throw error;
    return ask(maxBytes / 2);
  }
}
