import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { createGithubSource } from '../../src/github/github-source.ts';
import { createHttpSource } from '../../src/http/http-source.ts';
import { type RecordedExchange, recordedExchanges, replayServer } from '../support/replay-server.ts';
import { pullAll, pullUntilError, testContext } from '../support/test-context.ts';

const REPO = 'octokit-fixture-org/paginate-issues';
const ISSUES = recordedExchanges('paginate-issues');
const issueRows = () => ISSUES.flatMap((exchange) => exchange.response as Record<string, unknown>[]);

describe('recorded GitHub traffic', () => {
  it('is read page by page through github: every row as it was recorded, with its repository', async () => {
    await using server = await replayServer(ISSUES);
    const context = testContext({ secretValues: { GITHUB_TOKEN: 'recorded-token' } });
    const source = createGithubSource({ repo: REPO, base_url: server.origin }, context);
    const pulled = await pullAll(source, 'issues');
    assert.deepEqual(
      pulled.rows,
      issueRows().map((row) => ({ repo: REPO, ...row })),
    );
    assert.equal(pulled.rows.length, 13);
    assert.equal(pulled.complete, true);
    const [first] = server.seen;
    assert.equal(first?.url, `/repos/${REPO}/issues?state=all&sort=updated&direction=asc&per_page=100`);
    assert.equal(first?.headers.authorization, 'Bearer recorded-token');
    assert.equal(first?.headers['user-agent'], 'hakiri/0.1');
  });

  it('is read page by page through http', async () => {
    await using server = await replayServer(ISSUES);
    const config = {
      base_url: server.origin,
      resources: [
        {
          name: 'issues',
          path: `/repos/${REPO}/issues`,
          params: { per_page: 3 },
          primary_key: 'id',
          pagination: { type: 'link' },
        },
      ],
    };
    const pulled = await pullAll(createHttpSource(config, testContext()), 'issues');
    assert.deepEqual(pulled.rows, issueRows());
    assert.deepEqual(
      server.seen.map((request) => request.url),
      ISSUES.map((exchange) => exchange.path),
    );
    assert.deepEqual(
      pulled.batches.map((batch) => batch.progress),
      [{ done: 1, unit: 'pages' }, ...[2, 3, 4, 5].map((done) => ({ done, total: 5, unit: 'pages' }))],
    );
  });

  it('tells how many pages there are with one request', async () => {
    await using server = await replayServer(ISSUES);
    const source = createGithubSource({ repo: REPO, base_url: server.origin }, testContext());
    const signal = new AbortController().signal;
    const estimate = await source.estimate({ table: 'issues', cursor: undefined, signal });
    assert.equal(estimate.pages, 5);
    assert.ok(estimate.sample?.kind === 'records' && estimate.sample.records.length > 0);
    assert.equal(server.seen.length, 1);
  });

  it('has search results below a path, through http', async () => {
    const exchanges = recordedExchanges('search-issues');
    await using server = await replayServer(exchanges);
    const config = {
      base_url: server.origin,
      resources: [
        {
          name: 'found',
          path: '/search/issues',
          params: { q: 'sesame repo:octokit-fixture-org/search-issues' },
          records: 'items',
          pagination: { type: 'page', size_param: 'per_page', size: 100, total: 'total_count' },
        },
      ],
    };
    const pulled = await pullAll(createHttpSource(config, testContext()), 'found');
    assert.deepEqual(pulled.rows, (exchanges[0]!.response as { items: unknown[] }).items);
    assert.equal(pulled.rows.length, 2);
    assert.equal(server.seen.length, 1, 'the total says that there is no second page');
  });

  it('has a list without paging, through http', async () => {
    const exchanges = recordedExchanges('labels');
    await using server = await replayServer(exchanges);
    const resources = [
      { name: 'labels', path: '/repos/octokit-fixture-org/labels/labels', primary_key: 'id' },
    ];
    const pulled = await pullAll(
      createHttpSource({ base_url: server.origin, resources }, testContext()),
      'labels',
    );
    assert.deepEqual(pulled.rows, exchanges[0]?.response);
  });

  it('has a single object, which is one row', async () => {
    const exchanges = recordedExchanges('get-repository');
    await using server = await replayServer(exchanges);
    const resources = [{ name: 'repo', path: exchanges[0]!.path, pagination: { type: 'none' } }];
    const pulled = await pullAll(
      createHttpSource({ base_url: server.origin, resources }, testContext()),
      'repo',
    );
    assert.deepEqual(pulled.rows, [exchanges[0]?.response]);
  });

  it('has errors: the message of the server is shown, the request is not repeated', async () => {
    const [recorded] = recordedExchanges('errors');
    await using server = await replayServer([recorded!]);
    const resources = [{ name: 'labels', path: recorded!.path, method: 'POST', params: { color: 'x' } }];
    const { error } = await pullUntilError(
      createHttpSource({ base_url: server.origin, resources }, testContext()),
      'labels',
    );
    assert.ok(isHakiriError(error) && error.code === 'source.http_status');
    assert.match(error.message, /answered 422: Validation Failed/);
    assert.equal(server.seen.length, 1);
  });

  it('has limits: with none remaining, the wait is until the recorded reset', async () => {
    const resetMs = Date.UTC(2026, 0, 1) + 3 * 60_000;
    const limited = ISSUES.map(
      (exchange, index): RecordedExchange =>
        index === 1
          ? {
              ...exchange,
              headers: {
                ...exchange.headers,
                'x-ratelimit-remaining': '0',
                'x-ratelimit-reset': String(resetMs),
              },
            }
          : exchange,
    );
    await using server = await replayServer(limited);
    const context = testContext();
    const source = createGithubSource({ repo: REPO, base_url: server.origin }, context);
    assert.equal((await pullAll(source, 'issues')).rows.length, 13);
    assert.deepEqual(context.clock.slept, [3 * 60_000]);
  });
});
