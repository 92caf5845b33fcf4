import { z } from 'zod';
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
  run: (given, context) => fit(readQueryRequest(given), context),
});

/** Asks anew with fewer bytes for rows until everything beside them fits, too; `next` then goes on from there. */
async function fit(
  { request, maxBytes }: BoundedRequest,
  { services, signal }: ToolContext,
): Promise<ToolAnswer> {
  // Rows stand in the answer twice, as JSON and as text; citations take about as much.
  let rowBytes = Math.floor(maxBytes / (request.cite ? 3 : 2));
  for (let attempt = 1; ; attempt++) {
    const found = await services.serve.query({ ...request, maxBytes: rowBytes, signal }, services.grant);
    const told = answer(answerJson(found), true, answerText);
    const bytes = jsonBytes(told.structured) + Buffer.byteLength(told.text);
    if (bytes <= maxBytes || attempt === MOST_ATTEMPTS || found.rows.length <= 1) return told;
    rowBytes = Math.floor((jsonBytes(found.rows) * maxBytes * 0.9) / bytes);
  }
}

const MOST_ATTEMPTS = 4;
