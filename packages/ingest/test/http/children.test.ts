import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { createHttpSource } from '../../src/http/http-source.ts';
import { pullAll, pullUntilError, testContext } from '../support/test-context.ts';
import { query, sendJson, type TestServer, testServer } from '../support/test-server.ts';

interface Order {
  id: string;
  at: string;
}

const ORDERS = { name: 'orders', path: '/orders', primary_key: 'id', pagination: { type: 'page' } };
const LINES = {
  name: 'lines',
  path: '/orders/{order_id}/lines',
  primary_key: ['order_id', 'n'],
  pagination: { type: 'none' },
  parent: { resource: 'orders', param: 'order_id', field: 'id' },
};

function source(
  server: TestServer,
  orders: Record<string, unknown> = {},
  lines: Record<string, unknown> = {},
) {
  return createHttpSource(
    {
      base_url: server.origin,
      resources: [
        { ...LINES, ...lines },
        { ...ORDERS, ...orders },
      ],
    },
    testContext(),
  );
}

/** Orders, two a page, and two lines for each. */
function shop(orders: Order[], running = { now: 0, most: 0 }) {
  return testServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://server');
    const child = /^\/orders\/([^/]+)\/lines$/.exec(pathname);
    if (child === null) {
      const page = Number(query(request).get('page'));
      const changed = orders.filter((order) => order.at >= (query(request).get('since') ?? ''));
      sendJson(response, changed.slice((page - 1) * 2, page * 2));
      return;
    }
    const id = decodeURIComponent(child[1] ?? '');
    running.now++;
    running.most = Math.max(running.most, running.now);
    setTimeout(() => {
      running.now--;
      if (orders.some((order) => order.id === id)) sendJson(response, [{ n: 1 }, { n: 2, text: id }, {}]);
      else sendJson(response, {}, {}, 404);
    }, 5);
  });
}

const order = (n: number, at = `2026-01-0${n}`): Order => ({ id: `o/${n}`, at });
const keys = (rows: readonly Record<string, unknown>[]) =>
  rows.map((row) => `${row.order_id}:${row.n ?? ''}`).sort();

describe('a resource that is read for each row of another', () => {
  it('carries the key of its parent in each row', async () => {
    await using server = await shop([order(1), order(2), order(3)]);
    const pulled = await pullAll(source(server), 'lines');
    assert.deepEqual(keys(pulled.rows), [1, 2, 3].flatMap((n) => [`o/${n}:`, `o/${n}:1`, `o/${n}:2`]).sort());
    assert.equal(pulled.complete, true);
    assert.ok(server.seen.some((request) => request.url === '/orders/o%2F1/lines'));
  });

  it('keeps a field of that name the rows have themselves', async () => {
    await using server = await testServer((request, response) =>
      sendJson(
        response,
        request.url.startsWith('/orders?')
          ? query(request).get('page') === '1'
            ? [{ id: 7 }]
            : []
          : [{ order_id: 'own' }, {}],
      ),
    );
    const pulled = await pullAll(source(server), 'lines');
    assert.deepEqual(pulled.rows, [{ order_id: 'own' }, { order_id: 7 }]);
  });

  it('reads at most four parents at a time', async () => {
    const running = { now: 0, most: 0 };
    await using server = await shop(
      Array.from({ length: 9 }, (_none, i) => order(i)),
      running,
    );
    await pullAll(source(server, { pagination: { type: 'page' } }), 'lines');
    assert.ok(running.most <= 4, `${running.most} at a time`);
  });

  it('asks only for the children of parents that changed', async () => {
    const orders = [order(1), order(2), order(3)];
    await using server = await shop(orders);
    const incremental = { column: 'at', param: 'since', order: 'ascending' };
    const lines = source(server, { incremental });
    const first = await pullAll(lines, 'lines');
    orders[0] = order(1, '2026-01-09');
    orders.sort((a, b) => (a.at < b.at ? -1 : 1));
    const second = await pullAll(lines, 'lines', first.cursor);
    assert.deepEqual(keys(second.rows), ['o/1:', 'o/1:1', 'o/1:2']);
    assert.deepEqual((await pullAll(lines, 'lines', second.cursor)).rows, []);
  });

  it('is not whole where a child has not changed since', async () => {
    await using server = await testServer((request, response) => {
      if (request.url.startsWith('/orders?'))
        sendJson(response, query(request).get('page') === '1' ? [order(1)] : []);
      else if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end();
      else sendJson(response, [{ n: 1 }], { etag: '"1"' });
    });
    const first = await pullAll(source(server), 'lines');
    const second = await pullAll(source(server), 'lines', first.cursor);
    assert.deepEqual([first.rows.length, first.complete], [1, true]);
    assert.deepEqual([second.rows.length, second.complete], [0, false]);
  });

  it('goes on without a parent that is gone, and says so', async () => {
    const orders = [order(1), order(2)];
    await using server = await testServer((request, response) => {
      if (request.url.startsWith('/orders?'))
        sendJson(response, query(request).get('page') === '1' ? orders : []);
      else if (request.url.includes('F2')) sendJson(response, {}, {}, 404);
      else sendJson(response, [{ n: 1 }]);
    });
    const pulled = await pullAll(source(server), 'lines');
    assert.deepEqual(keys(pulled.rows), ['o/1:1']);
    assert.deepEqual(
      pulled.warnings.map((warning) => warning.code),
      ['source.not_found'],
    );
  });

  it('fails when no parent has such a list', async () => {
    await using server = await testServer((request, response) => {
      if (request.url.startsWith('/orders?'))
        sendJson(response, query(request).get('page') === '1' ? [order(1)] : []);
      else sendJson(response, {}, {}, 404);
    });
    const { error } = await pullUntilError(source(server), 'lines');
    assert.ok(isHakiriError(error) && error.code === 'source.not_found');
  });

  it('can be the parent of another', async () => {
    await using server = await testServer((request, response) => {
      const path = request.url.split('?')[0];
      if (path === '/orders') sendJson(response, [{ id: 'a' }]);
      else if (path === '/orders/a/lines') sendJson(response, [{ n: 5 }]);
      else if (path === '/orders/a/lines/5/taxes') sendJson(response, [{ tax: 1 }]);
      else sendJson(response, {}, {}, 404);
    });
    const none = { type: 'none' };
    const taxes = {
      name: 'taxes',
      path: '/orders/{order_id}/lines/{line}/taxes',
      pagination: none,
      parent: { resource: 'lines', param: 'line', field: 'n' },
    };
    const config = { base_url: server.origin, resources: [{ ...ORDERS, pagination: none }, LINES, taxes] };
    assert.deepEqual((await pullAll(createHttpSource(config, testContext()), 'taxes')).rows, [
      { line: 5, tax: 1 },
    ]);
  });
});
