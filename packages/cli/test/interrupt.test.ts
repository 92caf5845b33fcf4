import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENTRY } from './support/binary.ts';
import { emptyFolder } from './support/harness.ts';

/** A project whose one table has pages without end; the test hears of each request. */
async function endlessProject(t: TestContext, onRequest: (page: number) => void): Promise<string> {
  const server = createServer((request, response) => {
    const page = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('page') ?? 1);
    onRequest(page);
    const rows = Array.from({ length: 10 }, (_, i) => ({ id: page * 10 + i, updated_at: page * 10 + i }));
    setTimeout(() => response.setHeader('content-type', 'application/json').end(JSON.stringify(rows)), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = emptyFolder(t);
  writeFileSync(
    join(folder, 'hakiri.toml'),
    `[project]
name = "endless"
[[pipeline]]
id = "endless"
source = { connector = "http", config = { base_url = "http://${host}", resources = [{ name = "rows", path = "/rows", primary_key = "id", pagination = { type = "page" }, incremental = { column = "updated_at", param = "since", format = "raw", order = "ascending" } }] } }
allow_hosts = ["${host}"]
  [[pipeline.tables]]
  source = "rows"
  commit_every = "20 rows"
`,
  );
  return folder;
}

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
  readonly elapsedMs: number;
}

/** Runs until the fifth page was asked for, then interrupts as often as asked. */
async function interruptedRun(t: TestContext, times: number): Promise<Ended> {
  let child: ChildProcess | undefined;
  let interruptedAt = 0;
  const onRequest = async (page: number): Promise<void> => {
    if (page !== 5) return;
    interruptedAt = performance.now();
    for (let i = 0; i < times; i++) {
      child?.kill('SIGINT');
      await sleep(20);
    }
  };
  const folder = await endlessProject(t, onRequest);
  child = spawn(process.execPath, [ENTRY, 'run'], {
    cwd: folder,
    env: { HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(() => child?.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child?.on('exit', (code) => resolve(code)));
  assert.ok(child.stderr);
  const [stderr, code] = await Promise.all([text(child.stderr), ended]);
  return { code, stderr, elapsedMs: performance.now() - interruptedAt };
}

test('Ctrl-C ends a real run at the next commit, with 130 and what was committed', {
  timeout: 30_000,
}, async (t) => {
  const { code, stderr } = await interruptedRun(t, 1);
  assert.equal(code, 130, stderr);
  assert.match(stderr, /stopping at the next commit; press again to stop now/);
  assert.match(stderr, /committed \d+ rows/);
  assert.match(stderr, /http_rows +interrupted/);
});

test('a second Ctrl-C ends a real run at once', { timeout: 30_000 }, async (t) => {
  const { code, stderr, elapsedMs } = await interruptedRun(t, 2);
  assert.equal(code, 130, stderr);
  assert.ok(elapsedMs < 2000, `took ${elapsedMs} ms`);
});
