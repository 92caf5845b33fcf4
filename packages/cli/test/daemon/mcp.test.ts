import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueToken, openRevocations } from '@hakiri/access/token';
import { nodeFiles } from '@hakiri/store';
import { sendJson, testServer } from '../../../ingest/test/support/test-server.ts';
import { projectKey } from '../../src/project-key.ts';
import type { CliProject } from '../support/cli-project.ts';
import { type McpProcess, servedProject, startDaemon, startMcp } from '../support/daemon.ts';

const FILE = `[[pipeline]]
id = "people"
source = { connector = "file", config = { path = "people.ndjson" } }
tables = [{ source = "people", name = "people", primary_key = ["id"] }]
`;

async function filledProject(t: TestContext): Promise<CliProject> {
  const project = servedProject(t, FILE);
  project.write('people.ndjson', [{ id: 1, name: 'Ada' }]);
  await project.run();
  return project;
}

const COUNT = { sql: 'select count(*) from people' };

test('alone it answers, keeps standard output to the protocol, and ends with its input', async (t) => {
  const { folder } = await filledProject(t);
  const client = await startMcp(t, { folder, env: { HAKIRI_LOG: 'trace' } });
  assert.deepEqual((await client.tool('context_query', COUNT)).structuredContent.rows, [[1]]);
  assert.deepEqual((await client.request('tools/call', { name: 'nothing' })).result, undefined);
  assert.deepEqual(client.foreign(), []);
  assert.equal(await client.end(), 0);
});

test('alone it works in a project that has pulled nothing yet', async (t) => {
  const { folder } = servedProject(t, FILE);
  const client = await startMcp(t, { folder });
  assert.deepEqual((await client.tool('context_tables')).structuredContent.tables, []);
  const { structuredContent } = await client.tool('memory_write', { items: [{ text: 'first thing' }] });
  assert.equal((structuredContent.ids as string[]).length, 1);
  assert.equal(await client.end(), 0);
});

test('without a project it says so on standard error', async (t) => {
  const { folder, hakiri } = servedProject(t);
  mkdirSync(join(folder, '../elsewhere'));
  const { code, stdout, stderr } = await hakiri('mcp', '--project', '../elsewhere');
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /error\[manifest\.not_found\]/);
});

test('beside a daemon it passes on, and many do at once', async (t) => {
  const { folder } = await filledProject(t);
  const daemon = await startDaemon(t, { folder });
  const clients = await Promise.all([0, 1, 2].map(() => startMcp(t, { folder })));
  for (const client of clients) {
    assert.deepEqual((await client.tool('context_query', COUNT)).structuredContent.rows, [[1]]);
  }
  assert.equal(daemon.log().filter(({ tool }) => tool === 'context_query').length, 3);
  for (const client of clients) assert.equal(await client.end(), 0);
  await daemon.stop();
});

test('what an agent may do is in its token, alone and beside a daemon, until it is revoked', async (t) => {
  const project = servedProject(t, `${FILE}${FILE.replaceAll('people', 'secrets')}`);
  for (const name of ['people', 'secrets']) project.write(`${name}.ndjson`, [{ id: 1, name: 'Ada' }]);
  await project.run();
  const { folder } = project;
  const key = await projectKey(folder, []);
  const { token, id } = issueToken({ agent: 'helper', rights: [{ table: 'people', action: 'read' }] }, key);
  const env = { HAKIRI_TOKEN: token };
  const sees = async (client: McpProcess): Promise<void> => {
    const { structuredContent } = await client.tool('context_tables');
    assert.deepEqual(
      (structuredContent.tables as { name: string }[]).map(({ name }) => name),
      ['people'],
    );
    for (const sql of ['select * from secrets', 'select * from nothing']) {
      const { error } = (await client.tool('context_query', { sql })).structuredContent;
      assert.equal((error as { code: string }).code, 'query.unknown_table');
    }
    const written = await client.tool('memory_write', { items: [{ text: 'x' }] });
    assert.match(JSON.stringify(written.structuredContent), /access\.denied/);
    const ran = await client.tool('pipeline_run', { id: 'people' });
    assert.match(JSON.stringify(ran.structuredContent), /access\.denied/);
  };
  const alone = await startMcp(t, { folder, env });
  await sees(alone);
  assert.doesNotMatch(alone.stderr(), /owner/);
  const daemon = await startDaemon(t, { folder });
  const beside = await startMcp(t, { folder, env });
  await sees(beside);
  const owner = await startMcp(t, { folder });
  assert.match(owner.stderr(), /HAKIRI_TOKEN is not set: this agent has the owner's grant/);
  assert.equal(((await owner.tool('context_tables')).structuredContent.tables as unknown[]).length, 2);

  const revoked = openRevocations(nodeFiles, join(folder, '.hakiri/context/demo/revoked'));
  assert.equal(await revoked.revoke(id, { atMs: Date.now() }), true);
  for (const client of [alone, beside]) {
    const { structuredContent } = await client.tool('context_tables');
    assert.equal((structuredContent.error as { code: string }).code, 'token.revoked');
    await client.end();
  }
  await owner.end();
  await daemon.stop();
});

test('who shows nothing good is not let in, with a daemon or without', async (t) => {
  const { folder, hakiri } = servedProject(t, FILE);
  const daemon = await startDaemon(t, { folder });
  const refused = async (env: NodeJS.ProcessEnv): Promise<string> => {
    const client = await startMcp(t, { folder, env }, false);
    assert.equal(await client.end(), 3);
    assert.deepEqual(client.foreign(), []);
    return client.stderr();
  };
  assert.match(await refused({ HAKIRI_TOKEN: 'nonsense' }), /error\[token\.invalid\]/);
  const keys = join(folder, '.hakiri/keys');
  renameSync(join(keys, 'signing.key'), join(folder, 'elsewhere.key'));
  assert.match(await refused({}), /error\[token\.missing\]/);
  assert.equal(await daemon.stop(), 0);
  assert.match(await refused({ HAKIRI_TOKEN: 'nonsense' }), /error\[token\.invalid\]/);
  assert.match(await refused({}), /error\[token\.missing\]/);
  const { code, stderr } = await hakiri('serve', '--port', '0');
  assert.notEqual(code, 0);
  assert.match(stderr, /error\[key\.missing\]/);
});

test('where the path of the project is too long for a socket, they still find each other', async (t) => {
  const { folder } = await filledProject(t);
  const deep = join(folder, 'a-folder-with-a-name-that-goes-on'.repeat(4), 'and-on'.repeat(8));
  mkdirSync(deep, { recursive: true });
  const runtime = join(folder, 'runtime');
  mkdirSync(runtime, { mode: 0o700 });
  writeFileSync(join(deep, 'hakiri.toml'), '[project]\nname = "deep"\n');
  const env = { XDG_RUNTIME_DIR: runtime };
  const daemon = await startDaemon(t, { folder: deep, env });
  const client = await startMcp(t, { folder: deep, env });
  await client.tool('context_tables');
  await daemon.logged(({ tool }) => tool === 'context_tables');
  await client.end();
  await daemon.stop();
});

test('when the daemon dies, calls under way fail and the conversation goes on', async (t) => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  await using server = await testServer((_request, response) => {
    resolve();
    setTimeout(() => sendJson(response, []), 60_000).unref();
  });
  const project = servedProject(
    t,
    `${FILE}[[pipeline]]
id = "slow"
allow_hosts = ["${new URL(server.origin).host}"]
source = { connector = "http", config = { base_url = "${server.origin}", resources = [{ name = "rows", path = "/rows", primary_key = "id" }] } }
`,
  );
  project.write('people.ndjson', [{ id: 1, name: 'Ada' }]);
  await project.run('people');
  const daemon = await startDaemon(t, { folder: project.folder });
  const client = await startMcp(t, { folder: project.folder });
  assert.deepEqual((await client.tool('context_query', COUNT)).structuredContent.rows, [[1]]);
  const underWay = client.request('tools/call', { name: 'pipeline_run', arguments: { id: 'slow' } });
  await asked;
  daemon.child.kill('SIGKILL');
  const { error } = await underWay;
  assert.match(error?.message ?? '', /daemon ended/);
  assert.deepEqual((await client.tool('context_query', COUNT)).structuredContent.rows, [[1]]);
  const { result } = await client.request('tools/list');
  assert.ok((result?.tools as unknown[] | undefined)?.some(Boolean));
  assert.deepEqual(client.foreign(), []);
  assert.equal(await client.end(), 0);
});

test('when the daemon is stopped, a client that has said nothing yet is served all the same', async (t) => {
  const { folder } = await filledProject(t);
  const daemon = await startDaemon(t, { folder });
  const client = await startMcp(t, { folder }, false);
  await sleep(500);
  await daemon.stop();
  const { result } = await client.request('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  });
  assert.equal((result?.serverInfo as { name?: string } | undefined)?.name, 'hakiri');
  assert.equal(await client.end(), 0);
});

test('a pipeline runs once at a time, whoever asks', async (t) => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const { promise: open, resolve: openGate } = Promise.withResolvers<void>();
  await using server = await testServer(async (_request, response) => {
    resolve();
    await open;
    sendJson(response, [{ id: 1 }]);
  });
  const { folder } = servedProject(
    t,
    `[[pipeline]]
id = "slow"
allow_hosts = ["${new URL(server.origin).host}"]
source = { connector = "http", config = { base_url = "${server.origin}", resources = [{ name = "rows", path = "/rows", primary_key = "id" }] } }
`,
  );
  const daemon = await startDaemon(t, { folder });
  const [first, second] = await Promise.all([startMcp(t, { folder }), startMcp(t, { folder })]);
  const running = first.tool('pipeline_run', { id: 'slow' });
  await asked;
  const refused = await second.tool('pipeline_run', { id: 'slow' });
  assert.equal(refused.isError, true);
  assert.match(JSON.stringify(refused.structuredContent), /pipeline\.running/);
  const { structuredContent } = await second.tool('pipeline_list');
  assert.equal((structuredContent.pipelines as { running: boolean }[])[0]?.running, true);
  openGate();
  assert.equal((await running).structuredContent.state, 'done');
  await Promise.all([first.end(), second.end()]);
  await daemon.stop();
});

test('doctor speaks to it as an agent would', async (t) => {
  const { hakiri } = await filledProject(t);
  const { stdout } = await hakiri('doctor', '--json');
  const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; message: string }[] };
  const mcp = checks.find(({ name }) => name === 'mcp');
  assert.equal(mcp?.state, 'ok');
  assert.match(mcp?.message ?? '', /^hakiri \d+\.\d+\.\d+ answered in \d+ ms with \d+ tools$/);
});

test('a catalog that is made again while it is open is the one that is read from then on', async (t) => {
  const project = await filledProject(t);
  const client = await startMcp(t, { folder: project.folder });
  assert.deepEqual((await client.tool('context_query', COUNT)).structuredContent.rows, [[1]]);
  const { code, stderr } = await project.hakiri('doctor', '--rebuild-catalog');
  assert.equal(code, 0, stderr);
  project.write('people.ndjson', [{ id: 1 }, { id: 2 }, { id: 3 }]);
  await project.run();
  assert.deepEqual((await client.tool('context_query', COUNT)).structuredContent.rows, [[3]]);
  assert.equal(await client.end(), 0);
});
