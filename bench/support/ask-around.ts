import type { McpClient } from './mcp-client.ts';

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
