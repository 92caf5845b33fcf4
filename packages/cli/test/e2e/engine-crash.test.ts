import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendJson, testServer } from '../../../ingest/test/support/test-server.ts';
import { cliProject } from '../support/cli-project.ts';

const PAGES = 8;
const PAGE_ROWS = 10;

function childrenOf(pid: number | undefined): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

test('an engine that is killed in the middle of a run costs no committed row, and the next run completes', {
  skip: process.platform === 'linux' ? false : 'reads /proc',
}, async (t) => {
  let onPage = (_page: number): Promise<unknown> | undefined => undefined;
  await using server = await testServer(async (request, response) => {
    const { searchParams } = new URL(request.url, 'http://x');
    const page = Number(searchParams.get('page') ?? 1);
    const since = Number(searchParams.get('since') ?? 0);
    await onPage(page);
    const rows = Array.from({ length: PAGES * PAGE_ROWS }, (_, i) => ({ id: i, version: i + 1 }));
    const asked = rows.filter(({ version }) => version > since);
    sendJson(response, asked.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS));
  });
  const project = cliProject(
    t,
    `[[pipeline]]
id = "p"
allow_hosts = ["${new URL(server.origin).host}"]
source = { connector = "http", config = { base_url = "${server.origin}", resources = [{ name = "rows", path = "/rows", primary_key = "id", pagination = { type = "page" }, incremental = { column = "version", param = "since", format = "raw", order = "ascending" } }] } }
tables = [{ source = "rows", name = "rows", commit_every = "10 rows" }]
`,
  );
  const run = project.start('run', '--json');
  onPage = async (page) => {
    if (page !== 6) return;
    // The pages before are on their way: what is killed has been at work.
    await sleep(300);
    const children = childrenOf(run.child.pid);
    assert.ok(children.length > 0);
    for (const pid of children) process.kill(pid, 'SIGKILL');
  };
  const { code, stdout, stderr } = await run.ended;
  onPage = () => undefined;
  const [table] = JSON.parse(stdout).tables;
  if (code !== 0) {
    assert.equal(table.error.code, 'engine.crashed', stderr);
    assert.equal(code, 1);
  }
  const [held] = await project.rows('select count(*) as n, max(version) as newest from rows');
  assert.equal(held?.n, held?.newest, 'a prefix without a gap');
  assert.ok(Number(held?.n) >= table.rows);
  await project.run();
  assert.deepEqual(await project.rows('select count(*) as n, count(distinct id) as keys from rows'), [
    { n: PAGES * PAGE_ROWS, keys: PAGES * PAGE_ROWS },
  ]);
  assert.deepEqual(await project.complaints(), []);
});
