import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendJson, testServer } from '../../../ingest/test/support/test-server.ts';
import type { CliProject } from '../support/cli-project.ts';
import { type DaemonProcess, servedProject, startDaemon, startMcp } from '../support/daemon.ts';
import { tickingPipeline, tickingServer } from '../support/ticking-server.ts';

const FILE = `[[pipeline]]
id = "people"
source = { connector = "file", config = { path = "people.ndjson" } }
tables = [{ source = "people", name = "people", primary_key = ["id"] }]
`;

async function filledProject(t: TestContext): Promise<CliProject> {
  const project = servedProject(t, FILE);
  project.write('people.ndjson', [
    { id: 1, name: 'Ada' },
    { id: 2, name: 'Grace' },
  ]);
  await project.run();
  return project;
}

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};

function post(daemon: DaemonProcess, token: string | undefined, headers: object = {}): Promise<Response> {
  return fetch(`${daemon.origin}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify(INITIALIZE),
  });
}

test('the token is made at the first start, shown once, kept for its owner alone, and asked of everybody', async (t) => {
  const { folder } = await filledProject(t);
  const first = await startDaemon(t, { folder });
  const { token } = first;
  assert.match(token ?? '', /^[\w-]{200,}=*$/);
  const file = join(folder, '.hakiri/keys/serve.token');
  assert.equal(readFileSync(file, 'utf8').trim(), token);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, '.hakiri/daemon.sock')).mode & 0o777, 0o600);

  assert.equal((await post(first, undefined)).status, 401);
  assert.equal((await post(first, `${token}x`)).status, 401);
  const answer = await post(first, token);
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /"serverInfo":\{"name":"hakiri"/);
  assert.equal((await post(first, token, { origin: 'http://evil.example' })).status, 403);
  assert.equal(await first.stop(), 0);
  assert.ok(!JSON.stringify(first.log()).includes(token ?? 'none'));

  const second = await startDaemon(t, { folder });
  assert.equal(second.token, undefined);
  assert.ok(second.stdout().includes(file));
  assert.equal((await post(second, token)).status, 200);
  assert.equal(await second.stop(), 0);
});

test('whether it is well is told to anybody, figures only with the token', async (t) => {
  const { folder } = await filledProject(t);
  const daemon = await startDaemon(t, { folder });
  const get = async (path: string, headers = {}) => {
    const response = await fetch(`${daemon.origin}${path}`, { headers });
    return [response.status, await response.text()] as const;
  };
  for (const path of ['/healthz', '/healthz/live', '/healthz/ready']) {
    assert.deepEqual(await get(path), [200, 'ok\n']);
  }
  assert.equal((await get('/metrics'))[0], 401);

  const client = await startMcp(t, { folder });
  await client.tool('pipeline_run', { id: 'people' });
  const { structuredContent } = await client.tool('context_query', { sql: 'select count(*) from people' });
  assert.deepEqual(structuredContent.rows, [[2]]);
  const [status, text] = await get('/metrics', { authorization: `Bearer ${daemon.token}` });
  assert.equal(status, 200);
  assert.match(text, /^hakiri_runs_total\{pipeline="people",state="done"\} 1$/m);
  assert.match(text, /^hakiri_run_seconds_count\{pipeline="people"\} 1$/m);
  assert.match(text, /^hakiri_queries_total\{kind="sql",outcome="done"\} 1$/m);
  assert.match(text, /^hakiri_query_seconds_bucket\{kind="sql",le="\+Inf"\} 1$/m);
  assert.match(text, /^hakiri_tool_calls_total\{tool="context_query",outcome="done"\} 1$/m);
  assert.match(text, /^hakiri_engine_children [1-9]\d*$/m);
  assert.match(text, /^hakiri_resident_bytes\{process="children"\} [1-9]\d+$/m);
  await client.end();
  assert.equal(await daemon.stop(), 0);
});

test('a child of the engine that has nothing to do is stopped', async (t) => {
  const { folder } = await filledProject(t);
  const daemon = await startDaemon(t, { folder, env: { HAKIRI_IDLE_MS: '300' } });
  const children = async (): Promise<number> => {
    const headers = { authorization: `Bearer ${daemon.token}` };
    const text = await (await fetch(`${daemon.origin}/metrics`, { headers })).text();
    return Number(/^hakiri_engine_children (\d+)$/m.exec(text)?.[1]);
  };
  const client = await startMcp(t, { folder });
  await client.tool('context_query', { sql: 'select 1' });
  for (let left = await children(), i = 0; left > 0; left = await children()) {
    assert.ok(i++ < 100, 'the children stay');
    await sleep(50);
  }
  const { structuredContent } = await client.tool('context_query', { sql: 'select count(*) from people' });
  assert.deepEqual(structuredContent.rows, [[2]]);
  await client.end();
  await daemon.stop();
});

test('what is scheduled runs, also what was missed while nothing served', async (t) => {
  await using server = await tickingServer();
  const project = servedProject(
    t,
    tickingPipeline(server, 'often', 'schedule = "every 1s"') + tickingPipeline(server, 'never'),
  );
  const daemon = await startDaemon(t, { folder: project.folder });
  for (let runs = 0; runs < 3; ) {
    runs = daemon.log().filter(({ msg, pipeline }) => msg === 'run ended' && pipeline === 'often').length;
    await sleep(50);
  }
  const client = await startMcp(t, { folder: project.folder });
  const { structuredContent } = await client.tool('pipeline_list');
  const [often, never] = structuredContent.pipelines as Record<string, unknown>[];
  assert.equal(often?.schedule, 'every 1s');
  assert.ok(Date.parse(String(often?.next_run)) > Date.now() - 1000);
  assert.equal(never?.next_run, undefined);
  assert.equal(server.asked('never').length, 0);
  await client.end();
  assert.equal(await daemon.stop(), 0);
  assert.equal(server.mostAtOnce('often'), 1);

  const before = server.asked('often').length;
  const quiet = await startDaemon(t, { folder: project.folder, args: ['--no-schedule'] });
  await sleep(1500);
  assert.equal(await quiet.stop(), 0);
  assert.equal(server.asked('often').length, before);
});

test('a manifest that changes is taken, and one that is broken leaves the old one', async (t) => {
  const project = await filledProject(t);
  const daemon = await startDaemon(t, { folder: project.folder });
  const client = await startMcp(t, { folder: project.folder });
  const ids = async (): Promise<unknown> => {
    const { structuredContent } = await client.tool('pipeline_list');
    return (structuredContent.pipelines as { id: string }[]).map(({ id }) => id);
  };
  project.write('more.ndjson', [{ id: 7 }]);
  const manifest = join(project.folder, 'hakiri.toml');
  const more = `[[pipeline]]\nid = "more"\nsource = { connector = "file", config = { path = "more.ndjson" } }\n`;
  writeFileSync(manifest, `${readFileSync(manifest, 'utf8')}\n${more}`);
  const taken = await daemon.logged(({ msg }) => msg === 'manifest reloaded');
  assert.deepEqual(taken.changes, ['pipeline more added']);
  assert.deepEqual(await ids(), ['people', 'more']);

  writeFileSync(manifest, 'this is no manifest');
  const refused = await daemon.logged(({ level }) => level === 'error');
  assert.equal(refused.msg, 'manifest not taken, the one before stays in force');
  assert.match(String(refused.code), /^manifest\./);
  assert.deepEqual(await ids(), ['people', 'more']);
  const { isError } = await client.tool('pipeline_run', { id: 'more' });
  assert.notEqual(isError, true);
  await client.end();
  await daemon.stop();
});

/** A project whose one pipeline has pages without end. */
async function endlessProject(t: TestContext, onPage: (page: number) => void) {
  const server = await testServer((request, response) => {
    const page = Number(new URL(request.url, 'http://x').searchParams.get('page') ?? 1);
    onPage(page);
    const rows = Array.from({ length: 10 }, (_, i) => ({ id: page * 10 + i, version: page * 10 + i }));
    setTimeout(() => sendJson(response, rows), 20);
  });
  t.after(() => server[Symbol.asyncDispose]());
  return servedProject(
    t,
    `[[pipeline]]
id = "endless"
schedule = "every 1h"
allow_hosts = ["${new URL(server.origin).host}"]
source = { connector = "http", config = { base_url = "${server.origin}", resources = [{ name = "rows", path = "/rows", primary_key = "id", pagination = { type = "page" }, incremental = { column = "version", param = "since", format = "raw", order = "ascending" } }] } }
tables = [{ source = "rows", name = "rows", commit_every = "20 rows" }]
`,
  );
}

test('SIGTERM during a run ends it at a commit, and the daemon with 0', async (t) => {
  const { promise: fifth, resolve } = Promise.withResolvers<void>();
  const project = await endlessProject(t, (page) => {
    if (page === 5) resolve();
  });
  const daemon = await startDaemon(t, { folder: project.folder });
  await fifth;
  assert.equal(await daemon.stop(), 0);
  const ended = daemon.log().find(({ msg }) => msg === 'run ended');
  assert.equal(ended?.state, 'interrupted');
  const committed = daemon
    .log()
    .reduce((sum, { msg, rows }) => sum + (msg === 'committed' ? Number(rows) : 0), 0);
  assert.deepEqual(await project.rows('select count(*) as n from rows'), [{ n: committed }]);
  assert.deepEqual(await project.complaints(), []);
});

test('a second signal ends it at once', async (t) => {
  const { promise: fifth, resolve } = Promise.withResolvers<void>();
  const project = await endlessProject(t, (page) => {
    if (page === 5) resolve();
  });
  const daemon = await startDaemon(t, { folder: project.folder });
  await fifth;
  daemon.child.kill('SIGINT');
  daemon.child.kill('SIGTERM');
  await sleep(5);
  daemon.child.kill('SIGINT');
  const { code } = await daemon.ended;
  assert.ok(code === 130 || code === 0, `${code}`);
  assert.deepEqual(await project.complaints(), []);
});

test('another port, another daemon, another project: each refusal says what to do', async (t) => {
  const project = await filledProject(t);
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as AddressInfo;
  const taken = await project.hakiri('serve', '--port', String(port));
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /error\[server\.port_taken\]: Another program listens on 127\.0\.0\.1:\d+/);

  const remote = await project.hakiri('serve', '--host', '0.0.0.0');
  assert.equal(remote.code, 2);
  assert.match(remote.stderr, /--allow-remote/);

  const daemon = await startDaemon(t, { folder: project.folder });
  const second = await project.hakiri('serve', '--port', '0');
  assert.equal(second.code, 4);
  assert.match(second.stderr, new RegExp(`error\\[server\\.running\\]: Process ${daemon.pid} serves`));
  await daemon.stop();
});

test('a daemon that was killed leaves a socket that keeps nobody from starting again', async (t) => {
  const { folder } = await filledProject(t);
  const first = await startDaemon(t, { folder });
  first.child.kill('SIGKILL');
  await first.ended;
  statSync(join(folder, '.hakiri/daemon.sock'));
  const alone = await startMcp(t, { folder });
  assert.equal((await alone.tool('context_tables')).isError, undefined);
  await alone.end();
  const second = await startDaemon(t, { folder });
  const client = await startMcp(t, { folder });
  await client.tool('context_tables');
  await second.logged(({ msg }) => msg === 'tool');
  await client.end();
  await second.stop();
});

test('a run of another process beside the daemon waits its turn and completes', async (t) => {
  const project = await filledProject(t);
  const daemon = await startDaemon(t, { folder: project.folder });
  const client = await startMcp(t, { folder: project.folder });
  await client.tool('memory_write', { items: [{ text: 'the store is held for a moment' }] });
  const [report, ...notes] = await Promise.all([
    project.run(),
    ...Array.from({ length: 5 }, (_, i) => client.tool('memory_write', { items: [{ text: `note ${i}` }] })),
  ]);
  assert.equal(report.tables[0]?.state, 'done');
  assert.ok(notes.every(({ isError }) => isError !== true));
  await client.end();
  await daemon.stop();
});

test('pipelines that feed one table take turns, also when they run at the same time', async (t) => {
  await using server = await tickingServer(30);
  const feeding = (list: string): string =>
    tickingPipeline(server, list, 'schedule = "every 1s"').replace(
      `name = "${list}" }]\n`,
      'name = "shared" }]\n',
    );
  const project = servedProject(t, feeding('left') + feeding('right'));
  const daemon = await startDaemon(t, { folder: project.folder });
  const ended = (id: string): number =>
    daemon
      .log()
      .filter(({ msg, pipeline, state }) => msg === 'run ended' && pipeline === id && state === 'done')
      .length;
  while (ended('left') < 4 || ended('right') < 4) {
    assert.ok(!daemon.log().some(({ level }) => level === 'error'), JSON.stringify(daemon.log()));
    await sleep(50);
  }
  assert.equal(await daemon.stop(), 0);
  assert.deepEqual(
    daemon.log().filter(({ level }) => level === 'error'),
    [],
  );
  const [row] = await project.rows(
    'select max(version) as newest, count(distinct _hakiri_run) as runs from shared',
  );
  assert.ok(Number(row?.newest) >= 3 && Number(row?.runs) >= 1, JSON.stringify(row));
  assert.deepEqual(await project.complaints(), []);
});

test('a client that keeps a stream open does not keep it from stopping', async (t) => {
  const { folder } = await filledProject(t);
  const daemon = await startDaemon(t, { folder });
  const answer = await post(daemon, daemon.token);
  const session = answer.headers.get('mcp-session-id');
  await answer.text();
  assert.ok(session);
  const stream = await fetch(`${daemon.origin}/mcp`, {
    headers: {
      accept: 'text/event-stream',
      authorization: `Bearer ${daemon.token}`,
      'mcp-session-id': session,
      'mcp-protocol-version': '2025-06-18',
    },
  });
  assert.equal(stream.status, 200);
  const started = performance.now();
  const [code] = await Promise.all([daemon.stop(), stream.text().catch(() => {})]);
  assert.equal(code, 0);
  assert.ok(performance.now() - started < 10_000);
});
