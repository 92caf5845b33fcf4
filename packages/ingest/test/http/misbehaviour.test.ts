import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { type ErrorCode, isHakiriError } from '@hakiri/core';
import { createHttpSource } from '../../src/http/http-source.ts';
import { pullAll, pullUntilError, testContext } from '../support/test-context.ts';
import { query, sendJson, testServer } from '../support/test-server.ts';

const ids = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row.id);
const PAGED = { pagination: { type: 'page' } };

function source(origin: string, resource: Record<string, unknown> = {}, context = testContext(), top = {}) {
  return createHttpSource(
    {
      base_url: origin,
      ...top,
      resources: [{ name: 'items', path: '/items', primary_key: 'id', ...resource }],
    },
    context,
  );
}

function assertCode(error: unknown, code: ErrorCode): void {
  assert.ok(isHakiriError(error), String(error));
  assert.equal(error.code, code, error.message);
}

describe('what a source may do wrong', () => {
  it('answers HTML with status 200: source.not_json, whatever type it claims', async () => {
    for (const type of ['text/html; charset=utf-8', 'application/json']) {
      await using server = await testServer((_request, response) =>
        response.writeHead(200, { 'content-type': type }).end('<!doctype html><title>Sign in</title>'),
      );
      assertCode((await pullUntilError(source(server.origin), 'items')).error, 'source.not_json');
    }
  });

  it('answers malformed JSON: source.malformed_json, without a second request', async () => {
    await using server = await testServer((_request, response) => response.end('[{"id":1},{"id":oops}]'));
    const pulled = await pullUntilError(source(server.origin), 'items');
    assertCode(pulled.error, 'source.malformed_json');
    assert.deepEqual(pulled.rows, []);
    assert.equal(server.seen.length, 1);
  });

  it('has no records where the manifest says: source.records_path, with the keys there are', async () => {
    await using server = await testServer((_request, response) => sendJson(response, { data: [], meta: 1 }));
    const { error } = await pullUntilError(source(server.origin, { records: 'items' }), 'items');
    assertCode(error, 'source.records_path');
    assert.match((error as Error).message, /data, meta/);
  });

  const CUTS: readonly [string, (response: import('node:http').ServerResponse) => void][] = [
    [
      'shorter than its content-length',
      (response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('[{"id":1}', () => response.destroy());
      },
    ],
    [
      'cut in the middle of its chunks',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('[{"id":1},', () => response.destroy());
      },
    ],
    ['JSON that just ends', (response) => response.end('[{"id":1},')],
    [
      'compressed and cut',
      (response) => {
        const whole = gzipSync(`[${'{"id":1},'.repeat(5000)}{"id":2}]`);
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(whole.subarray(0, whole.length - 30));
      },
    ],
  ];
  for (const [name, cut] of CUTS) {
    it(`sends a body that is ${name}: asked for again`, async () => {
      await using server = await testServer((_request, response, index) => {
        if (index === 0) cut(response);
        else sendJson(response, [{ id: 1 }, { id: 2 }]);
      });
      const pulled = await pullAll(source(server.origin), 'items');
      assert.deepEqual(ids(pulled.rows), [1, 2], 'nothing of the cut answer is there');
      assert.equal(server.seen.length, 2);
    });

    it(`always sends a body that is ${name}: source.truncated`, async () => {
      await using server = await testServer((_request, response) => cut(response));
      const pulled = await pullUntilError(source(server.origin), 'items');
      assertCode(pulled.error, 'source.truncated');
      assert.deepEqual(pulled.rows, []);
      assert.equal(server.seen.length, 6);
    });
  }

  it('fails with a 500 in the middle of paging: what came before stays, then source.http_status', async () => {
    await using server = await testServer((request, response) => {
      const page = Number(query(request).get('page'));
      if (page < 3) sendJson(response, [{ id: page }]);
      else sendJson(response, { message: 'Database is down' }, {}, 500);
    });
    const pulled = await pullUntilError(source(server.origin, PAGED), 'items');
    assertCode(pulled.error, 'source.http_status');
    assert.match((pulled.error as Error).message, /answered 500: Database is down/);
    assert.deepEqual(ids(pulled.rows), [1, 2]);
    assert.equal(pulled.complete, false);
  });

  it('recovers from a 500, a 503 and a closed connection', async () => {
    await using server = await testServer((_request, response, index) => {
      if (index === 0) response.writeHead(500).end();
      else if (index === 1) response.writeHead(503, { 'retry-after': '2' }).end();
      else if (index === 2) response.destroy();
      else sendJson(response, [{ id: 1 }]);
    });
    const context = testContext();
    assert.deepEqual(ids((await pullAll(source(server.origin, {}, context), 'items')).rows), [1]);
    // Half of 500 ms, what Retry-After says, half of 2,000 ms.
    assert.deepEqual(context.clock.slept, [250, 2000, 1000]);
  });

  it('refuses the credentials: source.auth at once', async () => {
    for (const status of [401, 403]) {
      await using server = await testServer((_request, response) => sendJson(response, {}, {}, status));
      assertCode((await pullUntilError(source(server.origin), 'items')).error, 'source.auth');
      assert.equal(server.seen.length, 1);
    }
  });

  it('has nothing there: source.not_found at once', async () => {
    for (const status of [404, 410]) {
      await using server = await testServer((_request, response) => sendJson(response, {}, {}, status));
      assertCode((await pullUntilError(source(server.origin), 'items')).error, 'source.not_found');
      assert.equal(server.seen.length, 1);
    }
  });

  it('asks to wait longer than the run may: source.rate_limited, naming the time', async () => {
    await using server = await testServer((_request, response) =>
      response.writeHead(429, { 'retry-after': '7200' }).end(),
    );
    const context = testContext();
    const { error } = await pullUntilError(source(server.origin, {}, context), 'items');
    assertCode(error, 'source.rate_limited');
    assert.match((error as Error).message, /until 2026-01-01T02:00:00.000Z/);
    assert.deepEqual(context.clock.slept, []);
  });

  it('asks to wait until a date: waited for, then asked again', async () => {
    await using server = await testServer((_request, response, index) => {
      if (index === 0) response.writeHead(429, { 'retry-after': 'Thu, 01 Jan 2026 00:01:30 GMT' }).end();
      else sendJson(response, [{ id: 1 }]);
    });
    const context = testContext();
    await pullAll(source(server.origin, {}, context), 'items');
    assert.deepEqual(context.clock.slept, [90_000]);
  });

  it('says that no calls remain: the next request waits for the limit to be lifted', async () => {
    const resetSeconds = Date.UTC(2026, 0, 1) / 1000 + 40;
    await using server = await testServer((request, response) =>
      sendJson(response, query(request).get('page') === '1' ? [{ id: 1 }] : [], {
        'x-ratelimit-remaining': query(request).get('page') === '1' ? '0' : '99',
        'x-ratelimit-reset': String(resetSeconds),
      }),
    );
    const context = testContext();
    await pullAll(source(server.origin, PAGED, context), 'items');
    assert.deepEqual(context.clock.slept, [40_000]);
  });

  it('is asked no faster than the manifest allows', async () => {
    await using server = await testServer((request, response) =>
      sendJson(response, Number(query(request).get('page')) < 6 ? [{ id: query(request).get('page') }] : []),
    );
    const context = testContext();
    await pullAll(source(server.origin, PAGED, context, { rate_limit: { requests_per_second: 2 } }), 'items');
    assert.deepEqual(context.clock.slept, [500, 500, 500, 500]);
  });

  it('sends a record past the limit: set aside, the rest is taken', async () => {
    await using server = await testServer((_request, response) =>
      sendJson(response, [{ id: 1 }, { id: 2, text: 'x'.repeat(5000) }, { id: 3 }]),
    );
    const pulled = await pullAll(source(server.origin, {}, testContext({ maxRecordBytes: 1000 })), 'items');
    assert.deepEqual(ids(pulled.rows), [1, 3]);
    const setAside = pulled.batches.flatMap((batch) =>
      batch.kind === 'records' ? (batch.setAside ?? []) : [],
    );
    assert.deepEqual(
      setAside.map((entry) => entry.code),
      ['record.too_large'],
    );
  });

  it('redirects: followed on the same host, with credentials', async () => {
    await using server = await testServer((request, response) => {
      if (request.url === '/items') response.writeHead(307, { location: '/elsewhere' }).end();
      else sendJson(response, [{ id: 1 }]);
    });
    const context = testContext({ secretValues: { T: 'token-value' } });
    const top = { auth: { type: 'bearer', token: 'T' } };
    assert.deepEqual(ids((await pullAll(source(server.origin, {}, context, top), 'items')).rows), [1]);
    assert.equal(server.seen[1]?.headers.authorization, 'Bearer token-value');
  });

  it('redirects to another origin: followed without credentials and without our headers', async () => {
    await using other = await testServer((_request, response) => sendJson(response, [{ id: 1 }]));
    await using server = await testServer((_request, response) =>
      response.writeHead(302, { location: `${other.origin}/x` }).end(),
    );
    const context = testContext({ secretValues: { T: 'token-value' } });
    const top = { auth: { type: 'header', name: 'X-Key', value: 'T' }, headers: { 'X-Other': 'private' } };
    await pullAll(source(server.origin, {}, context, top), 'items');
    assert.equal(server.seen[0]?.headers['x-key'], 'token-value');
    assert.equal(other.seen[0]?.headers['x-key'], undefined);
    assert.equal(other.seen[0]?.headers['x-other'], undefined);
  });

  it('redirects to a private address: source.host_refused', async () => {
    await using server = await testServer((_request, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
    );
    const context = testContext({ allowHosts: [new URL(server.origin).host] });
    assertCode(
      (await pullUntilError(source(server.origin, {}, context), 'items')).error,
      'source.host_refused',
    );
  });

  it('redirects in a circle: source.redirect', async () => {
    await using server = await testServer((_request, response) =>
      response.writeHead(302, { location: '/items' }).end(),
    );
    assertCode((await pullUntilError(source(server.origin), 'items')).error, 'source.redirect');
    assert.equal(server.seen.length, 6);
  });

  it('is not there: source.network, after retries', async () => {
    const gone = await testServer(() => {});
    await gone[Symbol.asyncDispose]();
    const context = testContext();
    assertCode((await pullUntilError(source(gone.origin, {}, context), 'items')).error, 'source.network');
    assert.equal(context.clock.slept.length, 5);
  });

  it('is on a private address which the manifest does not name: source.host_refused, without a request', async () => {
    await using server = await testServer((_request, response) => sendJson(response, []));
    const context = testContext({ allowHosts: [] });
    assertCode(
      (await pullUntilError(source(server.origin, {}, context), 'items')).error,
      'source.host_refused',
    );
    const byName = server.origin.replace('127.0.0.1', 'localhost');
    assertCode((await pullUntilError(source(byName, {}, context), 'items')).error, 'source.host_refused');
    assert.equal(server.seen.length, 0);
  });

  it('compresses its answers: gzip, br and zstd are read', async () => {
    const body = JSON.stringify([{ id: 'é' }]);
    const encodings = { gzip: gzipSync(body), br: brotliCompressSync(body), zstd: zstdCompressSync(body) };
    for (const [encoding, bytes] of Object.entries(encodings)) {
      await using server = await testServer((_request, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(bytes),
      );
      assert.deepEqual(ids((await pullAll(source(server.origin), 'items')).rows), ['é']);
    }
  });

  it('streams NDJSON of many megabytes: passed on in pieces, bytes as they came', async () => {
    const line = `{"id":9007199254740993,"text":"${'y'.repeat(1000)}"}\n`;
    await using server = await testServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      for (let i = 0; i < 200; i++) response.write(line.repeat(100));
      response.end();
    });
    const pulled = await pullAll(
      source(server.origin, { format: 'ndjson', pagination: { type: 'none' } }),
      'items',
    );
    const sizes = pulled.batches.map((batch) => (batch.kind === 'records' ? batch.records.length : 0));
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      line.length * 20_000,
    );
    assert.ok(Math.max(...sizes) < 3 * 1024 * 1024, `largest piece: ${Math.max(...sizes)}`);
    const [first] = pulled.batches;
    assert.ok(first?.kind === 'records' && Buffer.from(first.records).includes('9007199254740993'));
  });

  it('never shows a secret in an error or an event', async () => {
    const secret = 's3cr3t/with+signs';
    await using server = await testServer((request, response) =>
      sendJson(response, { message: `bad key ${secret} in ${request.url}` }, {}, 500),
    );
    for (const auth of [
      { type: 'api_key', name: 'key', key: 'K', in: 'query' },
      { type: 'bearer', token: 'K' },
      { type: 'basic', username_secret: 'K' },
    ]) {
      const context = testContext({ secretValues: { K: secret } });
      const params = { q: 'private' };
      const { error } = await pullUntilError(source(server.origin, { params }, context, { auth }), 'items');
      assertCode(error, 'source.http_status');
      const shown = JSON.stringify([
        context.events,
        (error as Error).message,
        (error as { details: unknown }).details,
      ]);
      for (const form of [secret, encodeURIComponent(secret), Buffer.from(`${secret}:`).toString('base64')]) {
        assert.ok(!shown.includes(form), `${form} is in ${shown}`);
      }
      assert.ok(
        !JSON.stringify(context.events).includes('private'),
        'values of parameters are not shown either',
      );
    }
  });

  it('stops at once when the run is interrupted, also while waiting', async () => {
    await using server = await testServer((_request, response) => response.writeHead(503).end());
    const controller = new AbortController();
    const context = testContext();
    const reason = new Error('interrupted');
    const clock = {
      ...context.clock,
      sleep: async (_ms: number, signal?: AbortSignal) => {
        controller.abort(reason);
        signal?.throwIfAborted();
      },
    };
    const batches = source(server.origin, {}, { ...context, clock }).pull({
      table: 'items',
      cursor: undefined,
      signal: controller.signal,
    });
    await assert.rejects(async () => {
      for await (const _ of batches);
    }, reason);
    assert.equal(server.seen.length, 1);
  });
});
