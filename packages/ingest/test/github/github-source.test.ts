import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { createGithubSource } from '../../src/github/github-source.ts';
import { type FakeRepo, githubServer } from '../support/github-server.ts';
import { pullAll, pullUntilError, testContext } from '../support/test-context.ts';
import { sendJson, testServer } from '../support/test-server.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString().replace('.000Z', 'Z');
const issue = (id: number, minute: number) => ({ id, number: id, updated_at: at(minute) });
const commit = (sha: string, minute: number) => ({ sha, commit: { committer: { date: at(minute) } } });
const repo = (parts: Partial<FakeRepo>): FakeRepo => ({
  issues: [],
  pulls: [],
  commits: [],
  releases: [],
  reviews: {},
  ...parts,
});
const ids = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row.id);

describe('the github source', () => {
  it('offers its tables with their keys and the columns that tell changes', async () => {
    const source = createGithubSource({ repo: 'a/b' }, testContext());
    const tables = await source.discover();
    assert.deepEqual(
      tables.map((table) => [table.name, table.primaryKey.join(), table.incremental, table.readingOrder]),
      [
        ['issues', 'id', 'updated_at', 'ascending'],
        ['pull_requests', 'id', 'updated_at', 'unordered'],
        ['issue_comments', 'id', 'updated_at', 'ascending'],
        ['reviews', 'id', undefined, 'unordered'],
        ['commits', 'repo,sha', 'commit.committer.date', 'unordered'],
        ['releases', 'id', undefined, 'unordered'],
      ],
    );
    assert.deepEqual(
      (await source.schema('pull_requests'))?.columns.map((column) => column.name),
      ['created_at', 'updated_at', 'closed_at', 'merged_at'],
    );
  });

  it('takes only changed issues with a second pull, and asks a third time for nothing', async () => {
    const issues = Array.from({ length: 250 }, (_none, i) => issue(i, i));
    await using server = await githubServer({ 'a/b': repo({ issues }) });
    const source = createGithubSource({ repo: 'a/b', base_url: server.origin }, testContext());
    const first = await pullAll(source, 'issues');
    assert.deepEqual(
      ids(first.rows),
      issues.map((entry) => entry.id),
    );
    assert.equal(first.complete, true);

    issues[7] = issue(7, 400);
    issues.push(issue(999, 401));
    const second = await pullAll(source, 'issues', first.cursor);
    assert.deepEqual(ids(second.rows), [7, 999]);
    const third = await pullAll(source, 'issues', second.cursor);
    assert.deepEqual(third.rows, []);
    const requests = server.seen.length;
    assert.deepEqual((await pullAll(source, 'issues', third.cursor)).rows, []);
    assert.ok(server.seen[requests]?.headers['if-none-match'], 'answered by 304');
  });

  it('reads several repositories into one table, each with its own place in the cursor', async () => {
    const one = repo({ issues: [issue(1, 1), issue(2, 2)] });
    const two = repo({ issues: [issue(3, 3)] });
    await using server = await githubServer({ 'a/one': one, 'a/two': two });
    const source = createGithubSource({ repo: ['a/one', 'a/two'], base_url: server.origin }, testContext());
    const first = await pullAll(source, 'issues');
    assert.deepEqual(
      first.rows.map((row) => [row.repo, row.id]),
      [
        ['a/one', 1],
        ['a/one', 2],
        ['a/two', 3],
      ],
    );
    assert.equal(first.complete, true);
    assert.equal(first.batches.filter((batch) => batch.complete).length, 1);
    two.issues.push(issue(4, 4));
    one.issues[0] = issue(1, 9);
    assert.deepEqual(ids((await pullAll(source, 'issues', first.cursor)).rows), [1, 4]);
  });

  for (const table of ['issues', 'reviews'] as const) {
    it(`goes on with the other repositories where one fails, each from its own place: ${table}`, async () => {
      const own = (n: number) =>
        repo({ issues: [issue(n, n)], pulls: [issue(n, n)], reviews: { [n]: [{ id: n }] } });
      const [one, two, three] = [own(1), own(2), own(3)];
      const changed = (of: FakeRepo, n: number): void => {
        of.issues.push(issue(n * 10, n * 10));
        of.pulls[0] = issue(n, n * 10);
        of.reviews[n]?.push({ id: n * 10 });
      };
      const shown: Record<string, FakeRepo> = { 'a/one': one, 'a/two': two, 'a/three': three };
      await using server = await githubServer(shown);
      const source = createGithubSource({ repo: Object.keys(shown), base_url: server.origin }, testContext());
      const first = await pullAll(source, table);
      assert.equal(first.complete, true);

      delete shown['a/two'];
      changed(one, 1);
      changed(three, 3);
      const second = await pullUntilError(source, table, first.cursor);
      assert.ok(isHakiriError(second.error));
      assert.equal(second.error.code, 'source.not_found');
      assert.match(second.error.message, /1 of 3 repositories could not be read to their end \(a\/two\)/);
      assert.equal(second.complete, false);
      assert.deepEqual(ids(second.rows), table === 'issues' ? [10, 30] : [1, 10, 3, 30]);

      // It is back: what it missed is read, and nothing of the others a second time.
      shown['a/two'] = two;
      changed(two, 2);
      const third = await pullAll(source, table, second.cursor);
      assert.deepEqual(ids(third.rows), table === 'issues' ? [20] : [2, 20]);
    });
  }

  it('keeps the place of a repository that fails halfway, and stops there only in a table of every row', async () => {
    const pulls = Array.from({ length: 150 }, (_none, i) => issue(i, i));
    const pages = await githubServer({
      'a/long': repo({ pulls }),
      'a/short': repo({ pulls: [issue(900, 1)] }),
    });
    await using _pages = pages;
    await using server = await testServer(async (request, response) => {
      const url = new URL(request.url, 'http://server');
      if (url.pathname.includes('/a/long/') && url.searchParams.get('page') === '2')
        return sendJson(response, { message: 'no' }, {}, 404);
      const answer = await fetch(`${pages.origin}${request.url}`);
      const link = answer.headers.get('link')?.replace(pages.origin, server.origin);
      sendJson(response, await answer.json(), link === undefined ? {} : { link });
    });
    const config = { repo: ['a/long', 'a/short'], base_url: server.origin };
    const settings = { source: 'pull_requests', incremental: undefined, maxRecordBytes: 1_000_000 };
    for (const mode of ['merge', 'append'] as const) {
      const context = testContext({ tables: [{ ...settings, mode }] });
      const pulled = await pullUntilError(createGithubSource(config, context), 'pull_requests');
      assert.ok(isHakiriError(pulled.error) && pulled.error.code === 'source.not_found');
      assert.equal(pulled.rows.length, mode === 'merge' ? 101 : 100);
      const states = pulled.cursor === undefined ? [] : Object.keys(JSON.parse(pulled.cursor).repos);
      assert.deepEqual(states, mode === 'merge' ? ['a/short'] : []);
    }
  });

  it('reads pull requests from the newest change down to the last known one', async () => {
    const pulls = Array.from({ length: 320 }, (_none, i) => issue(i, i));
    await using server = await githubServer({ 'a/b': repo({ pulls }) });
    const source = createGithubSource({ repo: 'a/b', base_url: server.origin }, testContext());
    const first = await pullAll(source, 'pull_requests');
    assert.equal(first.rows.length, 320);
    pulls[5] = issue(5, 900);
    const requests = server.seen.length;
    const second = await pullAll(source, 'pull_requests', first.cursor);
    assert.deepEqual(ids(second.rows), [5]);
    assert.equal(server.seen.length - requests, 1);
    assert.deepEqual((await pullAll(source, 'pull_requests', second.cursor)).rows, []);
  });

  it('reads reviews of the pull requests that changed', async () => {
    const pulls = [issue(1, 1), issue(2, 2)];
    const reviews: FakeRepo['reviews'] = { 1: [{ id: 10 }], 2: [{ id: 20 }, { id: 21 }] };
    await using server = await githubServer({ 'a/b': repo({ pulls, reviews }) });
    const source = createGithubSource({ repo: 'a/b', base_url: server.origin }, testContext());
    const first = await pullAll(source, 'reviews');
    assert.deepEqual(first.rows.map((row) => [row.repo, row.pull_number, row.id]).sort(), [
      ['a/b', 1, 10],
      ['a/b', 2, 20],
      ['a/b', 2, 21],
    ]);
    reviews[1]?.push({ id: 11 });
    pulls[0] = issue(1, 8);
    assert.deepEqual(ids((await pullAll(source, 'reviews', first.cursor)).rows), [10, 11]);
  });

  it('reads commits since the last one, and none of an empty repository', async () => {
    const commits = [commit('b', 2), commit('a', 1)];
    await using server = await githubServer({ 'a/b': repo({ commits }), 'a/empty': repo({}) });
    const source = createGithubSource({ repo: ['a/empty', 'a/b'], base_url: server.origin }, testContext());
    const first = await pullAll(source, 'commits');
    assert.deepEqual(
      first.rows.map((row) => row.sha),
      ['b', 'a'],
    );
    commits.unshift(commit('c', 3));
    assert.deepEqual(
      (await pullAll(source, 'commits', first.cursor)).rows.map((row) => row.sha),
      ['c'],
    );
  });

  it('reads releases whole', async () => {
    await using server = await githubServer({ 'a/b': repo({ releases: [{ id: 1 }, { id: 2 }] }) });
    const source = createGithubSource({ repo: 'a/b', base_url: server.origin }, testContext());
    const pulled = await pullAll(source, 'releases');
    assert.deepEqual(ids(pulled.rows), [1, 2]);
    assert.equal(pulled.complete, true);
  });

  const LIMITS: readonly [string, number, Record<string, string>, string, number][] = [
    [
      'no calls remaining',
      403,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Date.UTC(2026, 0, 1, 0, 5) / 1000) },
      'API rate limit exceeded',
      300_000,
    ],
    ['Retry-After', 403, { 'retry-after': '30' }, 'You have exceeded a secondary rate limit', 30_000],
    ['words alone', 403, {}, 'You have exceeded a secondary rate limit. Please wait a few minutes.', 60_000],
    ['status 429', 429, { 'retry-after': '5' }, 'Too many requests', 5_000],
  ];
  for (const [name, status, headers, message, waitMs] of LIMITS) {
    it(`waits where a limit is told by ${name}`, async () => {
      await using server = await testServer((_request, response, index) =>
        index === 0 ? sendJson(response, { message }, headers, status) : sendJson(response, [{ id: 1 }]),
      );
      const context = testContext();
      const source = createGithubSource({ repo: 'a/b', base_url: server.origin }, context);
      assert.deepEqual(ids((await pullAll(source, 'releases')).rows), [1]);
      assert.equal(context.clock.slept[0], waitMs);
    });
  }

  it('takes any other 403 for wrong credentials', async () => {
    await using server = await testServer((_request, response) =>
      sendJson(
        response,
        { message: 'Resource not accessible by personal access token' },
        { 'x-ratelimit-remaining': '4999' },
        403,
      ),
    );
    const source = createGithubSource({ repo: 'a/b', base_url: server.origin }, testContext());
    const { error } = await pullUntilError(source, 'issues');
    assert.ok(isHakiriError(error) && error.code === 'source.auth');
    assert.match(error.message, /not accessible/);
  });

  it('warns when it has no token', () => {
    const [without, withToken] = [
      testContext(),
      testContext({ secretValues: { GITHUB_TOKEN: 'x'.repeat(9) } }),
    ];
    for (const context of [without, withToken]) createGithubSource({ repo: 'a/b' }, context);
    assert.equal(without.warnings.length, 1);
    assert.deepEqual(withToken.warnings, []);
  });

  it('names a table that does not exist with the nearest one', async () => {
    const { error } = await pullUntilError(createGithubSource({ repo: 'a/b' }, testContext()), 'isues');
    assert.ok(isHakiriError(error));
    assert.equal(error.hint, 'Did you mean "issues"?');
  });
});
