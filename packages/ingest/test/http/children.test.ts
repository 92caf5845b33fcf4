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
    // Whether it is gone or only hidden, nobody can say: its rows must not be taken for deleted.
    assert.equal(pulled.complete, false);
  });

  for (const incremental of [undefined, { column: 'at', param: 'since', order: 'ascending' }]) {
    const what = incremental === undefined ? 'by its parent' : 'by itself';
    it(`reads the other lists where one fails, and that one with the next pull, told what changed ${what}`, async () => {
      const orders = [order(1), order(2), order(3)];
      const lines: Record<string, { n: number; at: string }[]> = {};
      for (const { id } of orders) lines[id] = [{ n: 1, at: '2026-01-01' }];
      let broken: string | undefined;
      await using server = await testServer((request, response) => {
        const url = new URL(request.url, 'http://server');
        const since = url.searchParams.get('since') ?? '';
        if (url.pathname === '/orders') {
          const page = Number(url.searchParams.get('page'));
          return sendJson(response, orders.filter(({ at }) => at >= since).slice((page - 1) * 2, page * 2));
        }
        const id = decodeURIComponent(url.pathname.split('/')[2] ?? '');
        if (id === broken) return sendJson(response, {}, {}, 403);
        sendJson(
          response,
          (lines[id] ?? []).filter(({ at }) => at >= since),
        );
      });
      const parents = { incremental: { column: 'at', param: 'since', order: 'ascending' } };
      const api = source(server, parents, incremental === undefined ? {} : { incremental });
      const first = await pullAll(api, 'lines');
      assert.equal(first.complete, true);

      broken = 'o/2';
      const change = (n: number, day: string): void => {
        lines[`o/${n}`]?.push({ n: 2, at: `2026-01-${day}` });
        orders.splice(
          orders.findIndex(({ id }) => id === `o/${n}`),
          1,
        );
        orders.push(order(n, `2026-01-${day}`));
      };
      change(2, '11');
      change(1, '12');
      change(3, '13');
      const second = await pullUntilError(api, 'lines', first.cursor);
      assert.ok(isHakiriError(second.error) && second.error.code === 'source.auth');
      assert.match(second.error.message, /^1 list of lines could not be read: /);
      const news = (...of: readonly number[]) =>
        of.flatMap((n) => (incremental === undefined ? [`o/${n}:1`, `o/${n}:2`] : [`o/${n}:2`]));
      const fresh = (rows: readonly Record<string, unknown>[]) =>
        keys(incremental === undefined ? rows : rows.filter(({ n }) => n === 2));
      assert.deepEqual(fresh(second.rows), news(1, 3));

      // Still broken, and nothing has changed: it stays owed.
      const third = await pullUntilError(api, 'lines', second.cursor);
      assert.ok(isHakiriError(third.error));
      broken = undefined;
      const fourth = await pullAll(api, 'lines', third.cursor);
      assert.deepEqual(fresh(fourth.rows), incremental === undefined ? news(2) : news(2, 3));
      const last = await pullAll(api, 'lines', fourth.cursor);
      assert.deepEqual(fresh(last.rows), incremental === undefined ? [] : news(3));
    });
  }

  it('gives up where list after list fails', async () => {
    const orders = Array.from({ length: 60 }, (_none, i) => order(i));
    await using server = await testServer((request, response) => {
      const page = Number(query(request).get('page'));
      if (request.url.startsWith('/orders?')) sendJson(response, orders.slice((page - 1) * 60, page * 60));
      else sendJson(response, {}, {}, 403);
    });
    const { error, cursor } = await pullUntilError(source(server), 'lines');
    assert.ok(isHakiriError(error) && error.code === 'source.auth');
    assert.equal(cursor, undefined);
    assert.ok(server.seen.length < 35, `${server.seen.length} requests`);
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
