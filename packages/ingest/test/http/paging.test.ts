import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { createHttpSource } from '../../src/http/http-source.ts';
import { pullAll, pullUntilError, testContext } from '../support/test-context.ts';
import { query, sendJson, testServer } from '../support/test-server.ts';

const ids = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row.id);
const item = (id: number) => ({ id });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_none, i) => item(from + i));

function source(origin: string, resource: Record<string, unknown>, context = testContext()) {
  return createHttpSource(
    { base_url: origin, resources: [{ name: 'items', path: '/items', primary_key: 'id', ...resource }] },
    context,
  );
}

describe('paging', () => {
  it('reads a list without any paging as one page', async () => {
    await using server = await testServer((_request, response) => sendJson(response, range(0, 3)));
    const pulled = await pullAll(source(server.origin, { pagination: { type: 'none' } }), 'items');
    assert.deepEqual(ids(pulled.rows), [0, 1, 2]);
    assert.equal(pulled.complete, true);
    assert.equal(server.seen.length, 1);
  });

  it('reads numbered pages until one is empty', async () => {
    await using server = await testServer((request, response) => {
      const page = Number(query(request).get('page'));
      sendJson(response, { data: { items: page < 4 ? range(page * 10, page * 10 + 2) : [] } });
    });
    const pulled = await pullAll(
      source(server.origin, {
        records: 'data.items',
        pagination: { type: 'page', size_param: 'per_page', size: 2 },
      }),
      'items',
    );
    assert.deepEqual(ids(pulled.rows), [10, 11, 20, 21, 30, 31]);
    assert.deepEqual(
      server.seen.map((request) => request.url),
      [
        '/items?page=1&per_page=2',
        '/items?page=2&per_page=2',
        '/items?page=3&per_page=2',
        '/items?page=4&per_page=2',
      ],
    );
  });

  it('stops at a short page where the manifest says so', async () => {
    await using server = await testServer((request, response) =>
      sendJson(response, query(request).get('page') === '1' ? range(0, 2) : range(2, 3)),
    );
    const pagination = { type: 'page', size_param: 'n', size: 2, stop_on_short_page: true };
    const pulled = await pullAll(source(server.origin, { pagination }), 'items');
    assert.deepEqual(ids(pulled.rows), [0, 1, 2]);
    assert.equal(server.seen.length, 2);
  });

  it('skips by offset until the total is reached', async () => {
    await using server = await testServer((request, response) => {
      const offset = Number(query(request).get('offset'));
      sendJson(response, { total: 5, rows: range(offset, Math.min(5, offset + 2)) });
    });
    const pagination = { type: 'offset', limit: 2, total: 'total' };
    const pulled = await pullAll(source(server.origin, { records: 'rows', pagination }), 'items');
    assert.deepEqual(ids(pulled.rows), [0, 1, 2, 3, 4]);
    assert.equal(server.seen.length, 3);
    assert.deepEqual(pulled.batches.at(-1)?.progress, { done: 3, total: 3, unit: 'pages' });
  });

  it('follows a cursor in the body', async () => {
    const next: Record<string, string> = { '': 'b=', 'b=': 'c&' };
    await using server = await testServer((request, response) => {
      const cursor = query(request).get('after') ?? '';
      sendJson(response, { items: [{ id: cursor }], meta: { next: next[cursor] ?? null } });
    });
    const pagination = { type: 'cursor', cursor: 'meta.next', param: 'after' };
    const pulled = await pullAll(source(server.origin, { records: 'items', pagination }), 'items');
    assert.deepEqual(ids(pulled.rows), ['', 'b=', 'c&']);
  });

  it('takes the last record as the cursor, and stops where has_more is false', async () => {
    await using server = await testServer((request, response) => {
      const after = Number(query(request).get('starting_after') ?? 0);
      sendJson(response, { data: range(after + 1, after + 3), has_more: after < 4 });
    });
    const pagination = { type: 'cursor', param: 'starting_after', record_field: 'id', has_more: 'has_more' };
    const pulled = await pullAll(source(server.origin, { records: 'data', pagination }), 'items');
    assert.deepEqual(ids(pulled.rows), [1, 2, 3, 4, 5, 6]);
  });

  it('follows a whole address in the body', async () => {
    await using server = await testServer((request, response) => {
      const isFirst = request.url === '/items';
      sendJson(response, { items: [item(isFirst ? 1 : 2)], next: isFirst ? '/more?x=1' : null });
    });
    const pagination = { type: 'next_url', next: 'next' };
    const pulled = await pullAll(source(server.origin, { records: 'items', pagination }), 'items');
    assert.deepEqual(ids(pulled.rows), [1, 2]);
  });

  it('follows Link headers where the manifest says nothing', async () => {
    await using server = await testServer((request, response) => {
      const page = Number(query(request).get('page') ?? 1);
      const link: Record<string, string> =
        page < 3 ? { link: `<${`http://${request.headers.host}`}/items?page=${page + 1}>; rel="next"` } : {};
      sendJson(response, [item(page)], link);
    });
    assert.deepEqual(ids((await pullAll(source(server.origin, {}), 'items')).rows), [1, 2, 3]);
  });

  it('sends parameters as a JSON body with POST', async () => {
    await using server = await testServer((request, response) => {
      const body = JSON.parse(request.body);
      sendJson(response, { hits: body.page === 1 ? range(0, 2) : [] });
    });
    const resource = {
      method: 'POST',
      records: 'hits',
      params: { kind: 'a', deep: true },
      pagination: { type: 'page' },
    };
    const pulled = await pullAll(source(server.origin, resource), 'items');
    assert.deepEqual(ids(pulled.rows), [0, 1]);
    assert.deepEqual(JSON.parse(server.seen[0]!.body), { kind: 'a', deep: true, page: 1 });
  });

  it('refuses a next link that leads back to a page already read, and keeps what came before', async () => {
    await using server = await testServer((request, response) => {
      const page = Number(query(request).get('page') ?? 1);
      const next = page === 1 ? 2 : 1;
      sendJson(response, [item(page)], { link: `</items?page=${next}>; rel="next"` });
    });
    const pulled = await pullUntilError(source(server.origin, { path: '/items?page=1' }), 'items');
    assert.ok(isHakiriError(pulled.error));
    assert.equal(pulled.error.code, 'source.endless_paging');
    assert.deepEqual(ids(pulled.rows), [1, 2]);
  });

  it('refuses a cursor that comes twice', async () => {
    await using server = await testServer((_request, response) =>
      sendJson(response, { items: [item(1)], next: 'x' }),
    );
    const pagination = { type: 'cursor', cursor: 'next' };
    const { error } = await pullUntilError(source(server.origin, { records: 'items', pagination }), 'items');
    assert.ok(isHakiriError(error) && error.code === 'source.endless_paging');
  });

  it('refuses a source that answers every page number with the same page', async () => {
    await using server = await testServer((_request, response) => sendJson(response, range(0, 3)));
    const { error } = await pullUntilError(source(server.origin, { pagination: { type: 'page' } }), 'items');
    assert.ok(isHakiriError(error));
    assert.equal(error.code, 'source.endless_paging');
  });

  it('stops at max_pages', async () => {
    await using server = await testServer((request, response) =>
      sendJson(response, [item(Number(query(request).get('page')))]),
    );
    const pulled = await pullUntilError(
      source(server.origin, { pagination: { type: 'page', max_pages: 3 } }),
      'items',
    );
    assert.ok(isHakiriError(pulled.error) && pulled.error.code === 'source.endless_paging');
    assert.deepEqual(ids(pulled.rows), [1, 2, 3]);
  });

  it('refuses a next page on another host, and never shows it the credentials', async () => {
    await using other = await testServer((_request, response) => sendJson(response, [item(2)]));
    await using server = await testServer((_request, response) =>
      sendJson(response, [item(1)], { link: `<${other.origin}/items>; rel="next"` }),
    );
    const config = {
      base_url: server.origin,
      auth: { type: 'bearer', token: 'TOKEN' },
      resources: [{ name: 'items', path: '/items' }],
    };
    const secretValues = { TOKEN: 'very-secret' };
    const strict = testContext({ allowHosts: [new URL(server.origin).host], secretValues });
    const refused = await pullUntilError(createHttpSource(config, strict), 'items');
    assert.ok(isHakiriError(refused.error) && refused.error.code === 'source.host_refused');
    assert.equal(other.seen.length, 0);

    const open = testContext({ allowHosts: ['127.0.0.1'], secretValues });
    assert.deepEqual(ids((await pullAll(createHttpSource(config, open), 'items')).rows), [1, 2]);
    assert.equal(other.seen[0]?.headers.authorization, undefined);
    assert.equal(server.seen[0]?.headers.authorization, 'Bearer very-secret');
  });
});

describe('a list that changes while it is read', () => {
  /** A list of pages of two, newest first; `onPage` changes it. */
  const movingServer = (list: { id: number }[], onPage: (page: number, reads: number) => void) => {
    let reads = 0;
    return testServer((request, response) => {
      const page = Number(query(request).get('page'));
      if (page === 1) reads++;
      sendJson(response, { total: list.length, items: list.slice((page - 1) * 2, page * 2) });
      onPage(page, reads);
    });
  };
  const resource = { records: 'items', pagination: { type: 'page', total: 'total' } };

  it('is read once more from its first page', async () => {
    const list = range(0, 6);
    await using server = await movingServer(list, (page, reads) => {
      if (page === 1 && reads === 1) list.unshift(item(100));
    });
    const pulled = await pullAll(source(server.origin, resource), 'items');
    assert.deepEqual([...new Set(ids(pulled.rows))].sort(), [0, 1, 100, 2, 3, 4, 5]);
    assert.equal(pulled.complete, true);
    assert.deepEqual(pulled.warnings, []);
  });

  it('is noticed by its total when records go', async () => {
    const list = range(0, 6);
    await using server = await movingServer(list, (page, reads) => {
      if (page === 1 && reads === 1) list.shift();
    });
    const pulled = await pullAll(source(server.origin, resource), 'items');
    assert.ok(ids(pulled.rows).includes(2), 'the record that slipped across the border is there');
    assert.equal(pulled.complete, true);
  });

  it('leaves the cursor where it was, with a warning, when it does not hold still', async () => {
    const list = range(0, 6);
    await using server = await movingServer(list, (page) => {
      if (page === 1) list.unshift(item(100 + list.length));
    });
    const pulled = await pullAll(source(server.origin, resource), 'items', undefined);
    assert.deepEqual(
      pulled.warnings.map((warning) => warning.code),
      ['source.changed_while_reading'],
    );
    assert.equal(pulled.cursor, undefined);
    assert.equal(pulled.complete, false);
  });
});
