import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { sendJson, testServer } from '../../../ingest/test/support/test-server.ts';
import { type CliProject, cliProject } from '../support/cli-project.ts';
import { startDaemon } from '../support/daemon.ts';
import { programCommand, programEnvironment } from '../support/program.ts';

/**
 * One question that crosses two sources, structure and meaning, asked by the official client of the real programs:
 * which accounts that pay much complain about the checkout?
 */
const ACCOUNTS = Array.from({ length: 40 }, (_, id) => ({
  id,
  name: `account ${id}`,
  plan: id % 4 === 0 ? 'gold' : 'free',
}));
const COMPLAINTS = [
  'the checkout page hangs after paying',
  'cannot change my password',
  'paying fails at checkout',
];
const TICKETS = Array.from({ length: 120 }, (_, id) => ({
  id,
  account_id: id % 40,
  subject: COMPLAINTS[id % 3],
  opened: `2026-10-${String(1 + (id % 28)).padStart(2, '0')}T10:00:00Z`,
}));

const manifest = (origin: string): string => `[[pipeline]]
id = "crm"
allow_hosts = ["${new URL(origin).host}"]
  [pipeline.source]
  connector = "http"
  config = { base_url = "${origin}", resources = [{ name = "accounts", path = "/accounts", primary_key = "id" }] }
  [[pipeline.tables]]
  source = "accounts"
  name = "accounts"

[[pipeline]]
id = "desk"
source = { connector = "file", config = { path = "tickets.ndjson" } }
  [[pipeline.tables]]
  source = "tickets"
  name = "tickets"
  primary_key = ["id"]
  [pipeline.tables.indexes.words]
  kind = "fts"
  columns = ["subject"]
  [pipeline.tables.indexes.meaning]
  kind = "vector"
  column = "subject"
`;

async function filledProject(t: TestContext): Promise<CliProject> {
  const api = await testServer((_request, response) => sendJson(response, ACCOUNTS));
  t.after(() => api[Symbol.asyncDispose]());
  const project = cliProject(t, manifest(api.origin), { profile: 'full' });
  project.write('tickets.ndjson', TICKETS);
  await project.run();
  return project;
}

type Connect = (t: TestContext, project: CliProject) => Promise<Client>;

const WAYS: Readonly<Record<string, Connect>> = {
  'hakiri mcp': async (t, { folder }) => {
    const client = newClient(t);
    const { file, args } = programCommand();
    const env = programEnvironment(folder) as Record<string, string>;
    const words = [...args, 'mcp', '--project', folder];
    await client.connect(new StdioClientTransport({ command: file, args: words, env }));
    return client;
  },
  'hakiri serve': async (t, { folder }) => {
    const { origin, token } = await startDaemon(t, { folder });
    const client = newClient(t);
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit }));
    return client;
  },
};

function newClient(t: TestContext): Client {
  const client = new Client({ name: 'agent', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  t.after(() => client.close());
  return client;
}

interface Source {
  readonly table: string;
  readonly key: readonly number[];
  readonly address: string;
}

describe('an agent', () => {
  for (const [way, connect] of Object.entries(WAYS)) {
    test(`asks one question over ${way}, and every citation leads to its row`, async (t) => {
      const project = await filledProject(t);
      const client = await connect(t, project);
      assert.equal(client.getProtocolEra(), 'modern');
      await client.listTools();
      const call = async (name: string, args: object): Promise<Record<string, unknown>> => {
        const result = await client.callTool({ name, arguments: { ...args } });
        assert.notEqual(result.isError, true, JSON.stringify(result.content));
        return result.structuredContent as Record<string, unknown>;
      };

      const described = await call('context_describe', { table: 'tickets' });
      assert.deepEqual(described.primary_key, ['id']);
      assert.deepEqual((described.indexes as { name: string }[]).map(({ name }) => name).sort(), [
        'meaning',
        'words',
      ]);

      const answer = await call('context_query', {
        sql: `select t.id, a.name, t.subject from hits h join tickets t using (id)
              join accounts a on a.id = t.account_id order by h._rank limit 10`,
        search: {
          hits: {
            table: 'tickets',
            text: 'paying at the checkout',
            k: 20,
            filter: "opened >= '2026-10-05'",
            in: { account_id: "select id from accounts where plan = 'gold'" },
          },
        },
      });
      const rows = answer.rows as [number, string, string][];
      const citations = answer.citations as Source[][];
      assert.equal(rows.length, 10);
      for (const [i, [id, name, subject]] of rows.entries()) {
        const ticket = TICKETS[id];
        assert.equal(subject, ticket?.subject);
        assert.match(subject, /checkout/);
        assert.equal(name, `account ${ticket?.account_id}`);
        assert.equal((ticket?.account_id ?? 1) % 4, 0);
        assert.ok((ticket?.opened ?? '') >= '2026-10-05');
        const sources = Object.fromEntries((citations[i] ?? []).map((source) => [source.table, source]));
        assert.deepEqual(sources.tickets?.key, [id]);
        assert.deepEqual(sources.accounts?.key, [ticket?.account_id]);
        for (const [table, expected] of [
          ['tickets', ticket],
          ['accounts', ACCOUNTS[ticket?.account_id ?? -1]],
        ] as const) {
          const [content] = (await client.readResource({ uri: sources[table]?.address ?? '' })).contents;
          const read = JSON.parse(content !== undefined && 'text' in content ? content.text : '{}');
          assert.deepEqual(read.row, expected);
          assert.equal(read.citation.connector, table === 'tickets' ? 'file' : 'http');
        }
      }
    });
  }
});
