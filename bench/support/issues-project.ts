import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { githubRow } from './github-rows.ts';
import type { McpClient } from './mcp-client.ts';

const MANIFEST = `[project]
name = "bench"
[[pipeline]]
id = "issues"
source = { connector = "file", config = { path = "issues.ndjson" } }
  [[pipeline.tables]]
  source = "issues"
  name = "issues"
  primary_key = ["id"]
`;
const INDEXES = `  [pipeline.tables.indexes.words]
  kind = "fts"
  columns = ["title", "body"]
  analyzer = "english"
  [pipeline.tables.indexes.likeness]
  kind = "vector"
  column = "body"
  model = "hakiri-lexical-v1"
  dim = 384
`;

/** Writes a project of one table, `issues`, to a folder; `hakiri run` reads it. */
export function writeIssuesProject(folder: string, rows: number, { indexed }: { indexed: boolean }): void {
  writeFileSync(join(folder, 'hakiri.toml'), indexed ? MANIFEST + INDEXES : MANIFEST);
  const lines = Array.from({ length: rows }, (_, i) => `${githubRow(i)}\n`);
  writeFileSync(join(folder, 'issues.ndjson'), lines.join(''));
}

/** Asks a server of the table `issues` for everything it can: a list, a row, SQL, a search. @param i another each time */
export async function askAround(client: McpClient, i: number): Promise<void> {
  await client.call('context_tables', {});
  await client.call('context_get', { table: 'issues', keys: [[1_000_000_000 + i]] });
  await client.call('context_query', {
    sql: `select state, count(*) from issues where comments > ${i} group by all`,
  });
  await client.call('context_query', {
    table: 'issues',
    select: ['title'],
    search: { text: 'memory leak while reading parquet', k: 10 },
  });
}
