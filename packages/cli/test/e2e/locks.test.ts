import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendJson, type TestServer, testServer } from '../../../ingest/test/support/test-server.ts';
import { type CliProject, cliProject } from '../support/cli-project.ts';

const PAGES = 8;
const PAGE_ROWS = 10;
const KEYS = 25;

/** Pages that each wait until the gate is open, and tell when they are asked for. */
interface GatedServer extends TestServer {
  open(): void;
  /** Resolves when that page was asked for. */
  asked(page: number): Promise<void>;
}

async function gatedServer(closedFrom: number, delayMs = 0): Promise<GatedServer> {
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const waiting = new Map<number, () => void>();
  const server = await testServer(async (request, response) => {
    const { searchParams } = new URL(request.url, 'http://x');
    const page = Number(searchParams.get('page') ?? 1);
    const since = Number(searchParams.get('since') ?? 0);
    waiting.get(page)?.();
    await sleep(delayMs);
    if (page >= closedFrom) await gate;
    const rows = Array.from({ length: PAGES * PAGE_ROWS }, (_, i) => ({ id: i % KEYS, version: i + 1 }));
    const asked = rows.filter(({ version }) => version > since);
    sendJson(response, asked.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS));
  });
  const asked = (page: number): Promise<void> => new Promise((resolve) => waiting.set(page, resolve));
  return Object.assign(server, { open, asked });
}

function gatedProject(t: TestContext, server: TestServer): CliProject {
  return cliProject(
    t,
    `[[pipeline]]
id = "slow"
allow_hosts = ["${new URL(server.origin).host}"]
source = { connector = "http", config = { base_url = "${server.origin}", resources = [{ name = "rows", path = "/rows", primary_key = "id", pagination = { type = "page" }, incremental = { column = "version", param = "since", format = "raw", order = "ascending" } }] } }
tables = [{ source = "rows", name = "rows", commit_every = "10 rows" }]
`,
  );
}

const SUMS =
  'select count(*) as n, count(distinct id) as keys, max(version) as newest, sum(version) as sum from rows';

/** What `SUMS` says once so many rows were taken: version v belongs to key (v - 1) % KEYS. */
function stateAfter(rows: number) {
  const n = Math.min(rows, KEYS);
  return { n, keys: n, newest: rows, sum: (n * (rows - n + 1 + rows)) / 2 };
}

const COMPLETE = [stateAfter(PAGES * PAGE_ROWS)];

test('a second run is told who writes, when it may not wait', async (t) => {
  await using server = await gatedServer(3);
  const project = gatedProject(t, server);
  const asked = server.asked(3);
  const first = project.start('run');
  await asked;
  const { code, error } = await project.failing('run', '--wait', '0s');
  assert.equal(code, 4);
  assert.equal(error.code, 'store.locked');
  assert.match(error.message, new RegExp(`process ${first.child.pid} \\(hakiri run slow\\) since \\d{4}-`));
  server.open();
  assert.equal((await first.ended).code, 0);
  assert.deepEqual(await project.rows(SUMS), COMPLETE);
});

test('a second run waits for the first, says so, and completes', async (t) => {
  await using server = await gatedServer(3);
  const project = gatedProject(t, server);
  const asked = server.asked(3);
  const first = project.start('run');
  await asked;
  const second = project.start('run');
  let told = '';
  await new Promise<void>((resolve) => {
    second.child.stderr?.on('data', (chunk) => {
      told += chunk;
      if (told.includes('waiting for')) resolve();
    });
  });
  assert.match(told, new RegExp(`waiting for process ${first.child.pid}`));
  // Reading does not wait for a writer.
  const [held] = await project.rows('select max(version) as newest from rows');
  assert.ok([10, 20].includes(Number(held?.newest)), `the committed pages: ${held?.newest}`);
  server.open();
  const outcomes = await Promise.all([first.ended, second.ended]);
  assert.deepEqual(
    outcomes.map(({ code }) => code),
    [0, 0],
    outcomes[1].stderr,
  );
  assert.deepEqual(await project.rows(SUMS), COMPLETE);
});

test('whoever reads while a run commits sees whole commits only', async (t) => {
  await using server = await gatedServer(PAGES + 2, 80);
  const project = gatedProject(t, server);
  const run = project.start('run');
  let running = true;
  const ended = run.ended.finally(() => {
    running = false;
  });
  const states = Array.from({ length: PAGES }, (_, i) => stateAfter((i + 1) * PAGE_ROWS));
  const seen = new Set<number>();
  while (running) {
    const { code, stdout } = await project.hakiri('query', SUMS, '--json');
    if (code !== 0) continue;
    const [held] = JSON.parse(stdout).rows;
    const state = states.find(({ newest }) => newest === held?.newest);
    assert.deepEqual(held, state);
    seen.add(Number(held?.newest));
  }
  server.open();
  const { code, stderr } = await ended;
  assert.equal(code, 0, stderr);
  t.diagnostic(`states seen: ${[...seen].join(', ')}`);
  assert.deepEqual(await project.rows(SUMS), COMPLETE);
});

test('who waits goes on at once when the writer is killed', async (t) => {
  await using server = await gatedServer(3);
  const project = gatedProject(t, server);
  const asked = server.asked(3);
  const first = project.start('run');
  await asked;
  const second = project.start('run', '--wait', '1m');
  await new Promise<void>((resolve) => {
    second.child.stderr?.on('data', (chunk) => {
      if (String(chunk).includes('waiting for')) resolve();
    });
  });
  first.child.kill('SIGKILL');
  server.open();
  const { code, stderr } = await second.ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(await project.rows(SUMS), COMPLETE);
  assert.deepEqual(await project.complaints(), []);
});

for (const times of [1, 2]) {
  test(`after ${times === 1 ? 'one Ctrl-C' : 'two'} what was committed is there, and the next run goes on`, async (t) => {
    await using server = await gatedServer(6);
    const project = gatedProject(t, server);
    const asked = server.asked(6);
    const run = project.start('run');
    await asked;
    run.child.kill('SIGINT');
    if (times === 1) server.open();
    else {
      // The first must have been seen, or the two are one.
      await new Promise<void>((resolve) => {
        run.child.stderr?.on('data', (chunk) => {
          if (String(chunk).includes('press again')) resolve();
        });
      });
      run.child.kill('SIGINT');
    }
    const { code, stderr } = await run.ended;
    assert.equal(code, 130, stderr);
    const [held] = await project.rows('select max(version) as newest from rows');
    assert.ok(Number(held?.newest) >= 30, `committed before: ${held?.newest}`);
    server.open();
    await project.run();
    assert.deepEqual(await project.rows(SUMS), COMPLETE);
    assert.deepEqual(await project.complaints(), []);
  });
}
