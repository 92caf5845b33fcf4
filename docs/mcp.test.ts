import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { programCommand, programEnvironment } from '../packages/cli/test/support/program.ts';
import { WIRES } from '../packages/server/test/support/connect.ts';
import { fakeServices } from '../packages/server/test/support/fake-services.ts';

/** What the page has clients read is what clients would read, and what it has agents say is understood. */
const page = readFileSync(join(import.meta.dirname, 'mcp.md'), 'utf8');
const snippets = [...page.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text = '']) => JSON.parse(text));

interface ServerEntry {
  readonly type?: string;
  readonly command?: string;
  readonly args?: readonly string[];
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const servers: readonly ServerEntry[] = snippets
  .map((snippet) => snippet.mcpServers ?? snippet.servers)
  .filter((entries) => entries !== undefined)
  .map(({ hakiri }) => hakiri);
const calls: readonly { readonly name: string; readonly arguments: Record<string, unknown> }[] =
  snippets.filter(({ name }) => name !== undefined);

describe('the page on MCP', () => {
  test('starts a server with the command that it has clients start', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'hakiri-mcp-page-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'hakiri.toml'), '[project]\nname = "demo"\n');
    const commands = new Set(
      servers.filter(({ command }) => command !== undefined).map((entry) => JSON.stringify(entry.args)),
    );
    assert.deepEqual([...commands], ['["mcp","--project","/home/ada/demo"]']);
    const client = new Client({ name: 'page', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    t.after(() => client.close());
    const { file, args } = programCommand();
    await client.connect(
      new StdioClientTransport({
        command: file,
        args: [...args, 'mcp', '--project', folder],
        env: programEnvironment(folder) as Record<string, string>,
        cwd: tmpdir(),
      }),
    );
    const { tools } = await client.listTools();
    for (const { name } of tools) assert.match(page, new RegExp(`\`${name}\``));
  });

  test('sends the token wherever it has clients call an address', () => {
    const remote = servers.filter(({ url }) => url !== undefined);
    assert.equal(remote.length, 3);
    for (const { url, headers } of remote) {
      assert.equal(url, 'http://127.0.0.1:8765/mcp');
      assert.match(headers?.Authorization ?? '', /^Bearer \$\{(?:env:|input:)?[\w-]+\}$/);
    }
  });

  test('shows calls that the tools take', async (t) => {
    const pipeline = (id: string) => fakeServices().pipelines.run(id === 'github-issues' ? 'notes' : id, {});
    const services = fakeServices({ github_issues: [{ id: 4711, title: 'first' }] });
    // Over HTTP, where there is a token to pass on.
    const client = await (WIRES[1] as (typeof WIRES)[number]).connect(t, {
      ...services,
      pipelines: { ...services.pipelines, run: pipeline },
    });
    assert.ok(calls.length >= 8);
    for (const call of calls) {
      const { isError, content } = await client.callTool(call);
      assert.notEqual(isError, true, `${call.name}: ${JSON.stringify(content)}`);
    }
  });
});
