import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { createHttpSource } from '../../src/http/http-source.ts';
import { pullAll, pullUntilError, testContext } from '../support/test-context.ts';
import { query, sendJson, testServer } from '../support/test-server.ts';

const ids = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row.id);

interface Row {
  id: number;
  at: string;
}

const row = (id: number, minute: number): Row => ({
  id,
  at: `2026-01-01T00:${String(minute).padStart(2, '0')}:00Z`,
});

function source(origin: string, resource: Record<string, unknown>, context = testContext()) {
  return createHttpSource(
    { base_url: origin, resources: [{ name: 'items', path: '/items', primary_key: 'id', ...resource }] },
    context,
  );
}

/** A list that knows `since`, `page` and an order, two records a page. */
const listServer = (list: Row[], order: 'ascending' | 'descending' | 'unordered' = 'ascending') =>
  testServer((request, response) => {
    const since = query(request).get('since') ?? '';
    const page = Number(query(request).get('page') ?? 1);
    const sign = order === 'ascending' ? 1 : -1;
    const rows = list.filter((entry) => entry.at >= since);
    if (order !== 'unordered') rows.sort((a, b) => sign * (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    sendJson(response, rows.slice((page - 1) * 2, page * 2));
  });

const paged = { pagination: { type: 'page' } };

describe('an incremental pull', () => {
  it('takes only what changed since the last one', async () => {
    const list = [row(1, 1), row(2, 2), row(3, 3)];
    await using server = await listServer(list, 'unordered');
    const items = source(server.origin, { ...paged, incremental: { column: 'at', param: 'since' } });
    const first = await pullAll(items, 'items');
    assert.deepEqual(ids(first.rows), [1, 2, 3]);
    assert.equal(first.complete, true);

    list[0] = row(1, 7);
    list.push(row(4, 8));
    const second = await pullAll(items, 'items', first.cursor);
    assert.deepEqual(ids(second.rows), [1, 4]);
    assert.equal(second.complete, false, 'what did not change was left out');
    assert.equal(query(server.seen.at(-1)!).get('since'), '2026-01-01T00:03:00Z');
    assert.deepEqual(ids((await pullAll(items, 'items', second.cursor)).rows), []);
  });

  it('keeps of records no digest that can be guessed without the key', async () => {
    const list = [row(1, 1), row(2, 2)];
    await using server = await listServer(list);
    const cursor = async (digestKey?: Uint8Array): Promise<string> => {
      const context = testContext(digestKey === undefined ? {} : { digestKey });
      const items = source(
        server.origin,
        { ...paged, incremental: { column: 'at', param: 'since' } },
        context,
      );
      const first = await pullAll(items, 'items');
      assert.deepEqual(ids((await pullAll(items, 'items', first.cursor)).rows), []);
      return first.cursor ?? '';
    };
    const [clear, keyed, other] = [
      await cursor(),
      await cursor(Buffer.alloc(32, 1)),
      await cursor(Buffer.alloc(32, 2)),
    ];
    assert.match(clear, /"boundary":\["[0-9a-f]{32}"\]/);
    assert.equal(new Set([clear, keyed, other]).size, 3);
  });

  it('takes a record again that changed within the same moment, and one that came late', async () => {
    const list = [row(1, 1), row(2, 2)];
    await using server = await listServer(list);
    const items = source(server.origin, { ...paged, incremental: { column: 'at', param: 'since' } });
    const { cursor } = await pullAll(items, 'items');
    list[1] = { ...row(2, 2), note: 'changed' } as Row;
    list.push(row(3, 2));
    assert.deepEqual(ids((await pullAll(items, 'items', cursor)).rows), [2, 3]);
  });

  it('gives a cursor with every page in ascending order, and resumes there', async () => {
    const list = [1, 2, 3, 4, 5].map((n) => row(n, n));
    let broken = true;
    await using server = await testServer((request, response) => {
      const page = Number(query(request).get('page'));
      const rows = list.filter((entry) => entry.at >= (query(request).get('since') ?? ''));
      if (broken && page === 3) response.writeHead(400).end();
      else sendJson(response, rows.slice((page - 1) * 2, page * 2));
    });
    const incremental = { column: 'at', param: 'since', order: 'ascending' };
    const items = source(server.origin, { ...paged, incremental });
    const first = await pullUntilError(items, 'items');
    assert.ok(isHakiriError(first.error));
    assert.deepEqual(ids(first.rows), [1, 2, 3, 4]);
    broken = false;
    assert.deepEqual(ids((await pullAll(items, 'items', first.cursor)).rows), [5]);
  });

  it('remembers all records of the last moment, in ascending order too', async () => {
    const list = [row(1, 1), row(2, 2), row(3, 2), row(4, 2)];
    await using server = await listServer(list);
    const incremental = { column: 'at', param: 'since', order: 'ascending' };
    const items = source(server.origin, { ...paged, incremental });
    const first = await pullAll(items, 'items');
    assert.equal(first.rows.length, 4);
    list.push(row(5, 2), row(6, 3));
    assert.deepEqual(ids((await pullAll(items, 'items', first.cursor)).rows), [5, 6]);
  });

  it('gives no cursor before the end where nothing is said of the order, nor where the promise is broken', async () => {
    for (const order of ['unordered', 'ascending']) {
      await using server = await listServer([row(1, 5), row(2, 4), row(3, 3), row(4, 2)], 'unordered');
      const items = source(server.origin, { ...paged, incremental: { column: 'at', param: 'since', order } });
      const pulled = await pullAll(items, 'items');
      assert.deepEqual(
        pulled.batches.map((batch) => batch.cursor !== undefined),
        [false, true],
      );
    }
  });

  it('reads a list in descending order down to what it knows', async () => {
    const list = Array.from({ length: 9 }, (_none, i) => row(i, i));
    await using server = await listServer(list, 'descending');
    const items = source(server.origin, { ...paged, incremental: { column: 'at', order: 'descending' } });
    const first = await pullAll(items, 'items');
    assert.equal(first.rows.length, 9);
    list[2] = row(2, 30);
    const before = server.seen.length;
    const second = await pullAll(items, 'items', first.cursor);
    assert.deepEqual(ids(second.rows), [2]);
    assert.equal(server.seen.length - before, 2, 'two pages, not five');
  });

  it('goes back by the lookback', async () => {
    const list = [row(1, 10), row(2, 20)];
    await using server = await listServer(list);
    const context = testContext({ lookbackMs: 10 * 60_000 });
    const items = source(server.origin, { ...paged, incremental: { column: 'at', param: 'since' } }, context);
    const { cursor } = await pullAll(items, 'items');
    list.push(row(3, 11));
    const again = await pullAll(items, 'items', cursor);
    assert.equal(query(server.seen.at(-1)!).get('since'), '2026-01-01T00:10:00Z');
    assert.deepEqual(ids(again.rows), [1, 3]);
  });

  it('writes the value as the source wants it, and starts where the manifest says', async () => {
    const cases: readonly [string, unknown, string][] = [
      ['unix', '2026-01-01T00:00:10Z', '1767225610'],
      ['unix_ms', '2026-01-01T00:00:10.5Z', '1767225610500'],
      ['raw', 9007199254740993n, '9007199254740993'],
      ['iso', '2026-01-01T01:00:00.123456+01:00', '2026-01-01T01:00:00.123456+01:00'],
    ];
    for (const [format, value, sent] of cases) {
      await using server = await testServer((_request, response) =>
        response.end(`[{"id":1,"at":${typeof value === 'bigint' ? value : JSON.stringify(value)}}]`),
      );
      const incremental = { column: 'at', param: 'since', format, start: 'from-the-start' };
      const items = source(server.origin, { incremental });
      const { cursor } = await pullAll(items, 'items');
      await pullAll(items, 'items', cursor);
      assert.deepEqual(
        server.seen.map((request) => query(request).get('since')),
        ['from-the-start', sent],
      );
    }
  });

  it('compares integers past 2^53 exactly', async () => {
    await using server = await testServer((_request, response) =>
      response.end('[{"id":1,"at":9007199254740993},{"id":2,"at":9007199254740992}]'),
    );
    const { cursor } = await pullAll(source(server.origin, { incremental: { column: 'at' } }), 'items');
    assert.equal(JSON.parse(cursor ?? '').state.value, '9007199254740993');
  });

  it('seeks by value, so that a record which moves while the list is read pulls no other across unread', async () => {
    for (const seek of [false, true]) {
      const list = Array.from({ length: 8 }, (_none, i) => row(i, i));
      let moved = false;
      await using server = await testServer((request, response) => {
        const { searchParams } = new URL(request.url, 'http://server');
        const page = Number(searchParams.get('page') ?? 1);
        const rows = list.filter((entry) => entry.at >= (searchParams.get('since') ?? ''));
        rows.sort((a, b) => (a.at < b.at ? -1 : 1));
        const hasMore = page * 3 < rows.length;
        searchParams.set('page', String(page + 1));
        const link: Record<string, string> = hasMore ? { link: `</items?${searchParams}>; rel="next"` } : {};
        sendJson(response, rows.slice((page - 1) * 3, page * 3), link);
        if (!moved) list[0] = row(0, 50);
        moved = true;
      });
      const incremental = { column: 'at', param: 'since', order: 'ascending', seek };
      const pulled = await pullAll(source(server.origin, { incremental }), 'items');
      const seen = ids(pulled.rows);
      assert.equal(seen.includes(3), seek, 'record 3 is the one that slips');
      if (seek) assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 0]);
    }
  });

  it('asks with an ETag and takes 304 for an answer', async () => {
    await using server = await testServer((request, response) => {
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else sendJson(response, [{ id: 1 }], { etag: '"v1"' });
    });
    const items = source(server.origin, { pagination: { type: 'none' } });
    const first = await pullAll(items, 'items');
    const second = await pullAll(items, 'items', first.cursor);
    assert.deepEqual([first.rows.length, second.rows.length], [1, 0]);
    assert.equal(second.cursor, first.cursor);
    assert.equal(second.complete, false);
  });

  it('keeps no ETag of a first page that says nothing of the pages behind it', async () => {
    await using server = await testServer((request, response) =>
      sendJson(response, query(request).get('page') === '1' ? [{ id: 1 }] : [], { etag: '"v1"' }),
    );
    const items = source(server.origin, paged);
    await pullAll(items, 'items', (await pullAll(items, 'items')).cursor);
    assert.ok(server.seen.every((request) => request.headers['if-none-match'] === undefined));
  });

  it('starts over where the cursor is of another version or another column', async () => {
    const list = [row(1, 1)];
    await using server = await listServer(list);
    const items = source(server.origin, { ...paged, incremental: { column: 'at', param: 'since' } });
    const other = JSON.stringify({ v: 1, state: { column: 'created', value: '"2027-01-01T00:00:00Z"' } });
    for (const cursor of ['{"v":99}', 'not json', other]) {
      assert.deepEqual(ids((await pullAll(items, 'items', cursor)).rows), [1]);
    }
  });
});
