import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type McpProcess, servedProject, startMcp } from '../support/daemon.ts';

const MANIFEST = `[[pipeline]]
id = "tickets"
source = { connector = "file", config = { path = "tickets.ndjson" } }
tables = [{ source = "tickets", name = "tickets", primary_key = ["id"] }]
`;
const TICKETS = [
  { id: 1, region: 'EU', email: 'ada@example.org' },
  { id: 2, region: 'US', email: 'bob@example.org' },
];
const ALL = { sql: 'select * from tickets order by id' };

test('over MCP a lead passes less on, and that one less again; without the middle neither goes on', async (t) => {
  const { folder, write, run, hakiri } = servedProject(t, MANIFEST);
  write('tickets.ndjson', TICKETS);
  await run();
  const rights = ['--table', 'tickets', '--action', 'read'];
  const issued = await hakiri('token', 'issue', '--agent', 'lead', '--on-behalf-of', 'olga', ...rights);
  const start = (token: string): Promise<McpProcess> => startMcp(t, { folder, env: { HAKIRI_TOKEN: token } });
  const passOn = async (agent: McpProcess, less: object): Promise<string> =>
    String((await agent.tool('token_attenuate', less)).structuredContent.token);

  const lead = await start(issued.stdout.trim());
  const middleToken = await passOn(lead, {
    rows: [{ table: 'tickets', filter: "region = 'EU'" }],
    delegate: { agent: 'researcher', task: 'outage' },
  });
  const middle = await start(middleToken);
  const last = await start(
    await passOn(middle, {
      columns: [{ table: 'tickets', names: ['id', 'region'] }],
      delegate: { agent: 'reader' },
    }),
  );
  const rows = async (agent: McpProcess) => (await agent.tool('context_query', ALL)).structuredContent.rows;
  assert.deepEqual(
    await rows(lead),
    TICKETS.map(({ id, region, email }) => [id, region, email]),
  );
  assert.deepEqual(await rows(middle), [[1, 'EU', 'ada@example.org']]);
  assert.deepEqual(await rows(last), [[1, 'EU']]);

  write('middle.token', middleToken);
  const { code, stderr } = await hakiri('token', 'revoke', '--token-file', 'middle.token');
  assert.equal(code, 0, stderr);
  for (const agent of [middle, last]) {
    const { error } = (await agent.tool('context_query', ALL)).structuredContent;
    assert.equal((error as { code: string }).code, 'token.revoked');
  }
  assert.equal(((await rows(lead)) as unknown[]).length, 2);

  const read = await hakiri('audit', 'who-read', '--table', 'tickets', '--key', '1', '--json');
  const { returned } = JSON.parse(read.stdout);
  assert.equal(returned.requests, 4);
  const names = JSON.stringify(returned);
  for (const name of ['lead', 'olga', 'researcher', 'outage', 'reader'])
    assert.ok(names.includes(name), name);
});
