import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeRepo, githubServer } from '../../../ingest/test/support/github-server.ts';
import { recordedExchanges, replayServer } from '../../../ingest/test/support/replay-server.ts';
import { sendJson, type TestServer, testServer } from '../../../ingest/test/support/test-server.ts';
import { cliProject, type Row } from '../support/cli-project.ts';

const REPO = 'octokit-fixture-org/paginate-issues';
const ISSUES = recordedExchanges('paginate-issues');

interface Issue {
  readonly id: number;
  readonly number: number;
  readonly title: string;
  readonly user: { readonly login: string };
  readonly labels: readonly unknown[];
  readonly created_at: string;
}

const recordedRows = (): Row[] =>
  ISSUES.flatMap((exchange) => exchange.response as Issue[])
    .map(({ id, number, title, user, labels, created_at }) => ({
      id,
      number,
      title,
      login: user.login,
      labels: labels.length,
      created_at,
    }))
    .sort((a, b) => a.number - b.number);

const SELECT = (table: string): string =>
  `select id, number, title, "user".login as login, len(labels) as labels, strftime(created_at::timestamp, '%Y-%m-%dT%H:%M:%SZ') as created_at from ${table} order by number`;

const hostOf = (server: TestServer): string => new URL(server.origin).host;

const github = (server: TestServer, repo = REPO, table = '"issues"'): string => `[[pipeline]]
id = "tracker"
source = { connector = "github", config = { repo = "${repo}", base_url = "${server.origin}" } }
allow_hosts = ["${hostOf(server)}"]
tables = [${table}]
`;

const http = (server: TestServer, resource: string): string => `[[pipeline]]
id = "rest"
source = { connector = "http", config = { base_url = "${server.origin}", resources = [${resource}] } }
allow_hosts = ["${hostOf(server)}"]
`;

test('recorded GitHub traffic becomes exactly its rows through github', async (t) => {
  await using server = await replayServer(ISSUES);
  const project = cliProject(t, github(server));
  const { tables } = await project.run();
  assert.deepEqual(
    tables.map(({ ref, state, rows }) => [ref.table, state, rows]),
    [['github_issues', 'done', 13]],
  );
  assert.deepEqual(await project.rows(SELECT('github_issues')), recordedRows());
  assert.deepEqual(await project.rows('select distinct repo from github_issues'), [{ repo: REPO }]);
});

test('recorded GitHub traffic becomes exactly its rows through http', async (t) => {
  await using server = await replayServer(ISSUES);
  const resource = `{ name = "issues", path = "/repos/${REPO}/issues", params = { per_page = 3 }, primary_key = "id", pagination = { type = "link" } }`;
  const project = cliProject(t, http(server, resource));
  await project.run();
  assert.deepEqual(await project.rows(SELECT('http_issues')), recordedRows());
});

test('a recorded error is told with what the server said, and the next run goes on', async (t) => {
  const failing = ISSUES.map((exchange, page) =>
    page === 2 ? { ...exchange, status: 422, response: recordedExchanges('errors')[0]?.response } : exchange,
  );
  const resource = `{ name = "issues", path = "/repos/${REPO}/issues", primary_key = "id", pagination = { type = "link" } }`;
  const project = cliProject(t);
  {
    await using server = await replayServer(failing);
    project.writeManifest(http(server, resource));
    const { code, error } = await project.failing('run');
    assert.equal(code, 5);
    assert.equal(error.code, 'source.http_status');
    assert.match(error.message, /answered 422: Validation Failed/);
  }
  const kept = await project.rows(SELECT('http_issues'));
  assert.equal(kept.length, 6, 'the pages before the error');
  await using server = await replayServer(ISSUES);
  project.writeManifest(http(server, resource));
  await project.run();
  assert.deepEqual(await project.rows(SELECT('http_issues')), recordedRows());
});

test('a limit that is used up is waited for when it is short, and told when it is long', async (t) => {
  const limited = (resetMs: number) =>
    ISSUES.map((exchange, page) =>
      page === 1
        ? {
            ...exchange,
            headers: {
              ...exchange.headers,
              'x-ratelimit-remaining': '0',
              'x-ratelimit-reset': String(Math.ceil(resetMs / 1000)),
            },
          }
        : exchange,
    );
  const project = cliProject(t);
  {
    await using server = await replayServer(limited(Date.now() + 3_600_000));
    project.writeManifest(github(server));
    const { code, error } = await project.failing('run');
    assert.equal(code, 5);
    assert.equal(error.code, 'source.rate_limited');
    assert.match(error.hint, /Run again/);
  }
  await using server = await replayServer(limited(Date.now() + 1500));
  project.writeManifest(github(server));
  const started = performance.now();
  await project.run();
  assert.ok(performance.now() - started > 500, 'it waited');
  assert.deepEqual(await project.rows(SELECT('github_issues')), recordedRows());
});

test('a second run through github takes only what changed', async (t) => {
  const issue = (id: number, updated_at: string, title = `issue ${id}`) => ({
    id,
    number: id,
    updated_at,
    title,
  });
  const repo: FakeRepo = {
    issues: Array.from({ length: 250 }, (_, i) =>
      issue(i + 1, `2026-01-01T00:${String(i % 60).padStart(2, '0')}:00Z`),
    ),
    pulls: [],
    commits: [],
    releases: [],
    reviews: {},
  };
  await using server = await githubServer({ 'a/b': repo });
  const project = cliProject(t, github(server, 'a/b', '"issues"'));
  assert.equal((await project.run()).tables[0]?.rows, 250);
  const firstRequests = server.seen.length;

  repo.issues[3] = issue(4, '2026-02-01T00:00:00Z', 'changed');
  repo.issues.push(issue(251, '2026-02-02T00:00:00Z', 'new'));
  const second = await project.run();
  assert.equal(second.tables[0]?.rows, 2);
  assert.match(server.seen[firstRequests]?.url ?? '', /since=2026-01-01T00%3A59%3A00Z/);
  assert.deepEqual(
    await project.rows("select id, title from github_issues where title not like 'issue %' order by id"),
    [
      { id: 4, title: 'changed' },
      { id: 251, title: 'new' },
    ],
  );
  assert.deepEqual(
    await project.rows('select count(*) as n, count(distinct id) as keys from github_issues'),
    [{ n: 251, keys: 251 }],
  );

  const third = await project.run();
  assert.equal(third.tables[0]?.rows, 0, 'nothing changed, nothing is taken');
  const fourth = await project.run();
  assert.equal(fourth.tables[0]?.commits.length, 0, 'and nothing is written');
});

test('a second run through http takes only what changed', async (t) => {
  const rows = [
    { id: 1, version: 10, name: 'a' },
    { id: 2, version: 20, name: 'b' },
  ];
  await using server = await testServer((request, response) => {
    const since = Number(new URL(request.url, 'http://x').searchParams.get('since') ?? 0);
    sendJson(
      response,
      rows.filter(({ version }) => version >= since),
    );
  });
  const resource =
    '{ name = "things", path = "/things", primary_key = "id", incremental = { column = "version", param = "since", format = "raw", order = "ascending" } }';
  const project = cliProject(t, http(server, resource));
  assert.equal((await project.run()).tables[0]?.rows, 2);
  rows[0] = { id: 1, version: 30, name: 'a again' };
  assert.equal((await project.run()).tables[0]?.rows, 1);
  assert.equal(server.seen[1]?.url, '/things?since=20');
  assert.deepEqual(await project.rows('select * from http_things order by id'), [
    { id: 1, version: 30, name: 'a again' },
    { id: 2, version: 20, name: 'b' },
  ]);
});
