import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, isHakiriError } from '@hakiri/core';
import { createHttpSource } from '../../src/http/http-source.ts';
import { createEgressGuard } from '../../src/toolkit/egress-guard.ts';
import { createTransport, type HttpResponse, type Transport } from '../../src/toolkit/transport.ts';
import { pullAll, pullUntilError, testContext } from '../support/test-context.ts';
import { sendJson, testServer } from '../support/test-server.ts';

const isCode = (code: ErrorCode) => (error: unknown) => isHakiriError(error) && error.code === code;
const guard = createEgressGuard({ allowHosts: ['127.0.0.1'] });

async function readAll(response: HttpResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('the transport', () => {
  it('gives up on a server that does not answer', async () => {
    await using server = await testServer(() => {});
    const transport = createTransport(guard, { connectMs: 1000, headersMs: 150, bodyIdleMs: 1000 });
    const sent = transport.send({
      method: 'GET',
      url: new URL(server.origin),
      headers: {},
      signal: new AbortController().signal,
    });
    await assert.rejects(sent, isCode('source.network'));
    await transport.close();
  });

  it('gives up on a body that stops coming', async () => {
    await using server = await testServer((_request, response) => void response.write('[1,'));
    const transport = createTransport(guard, { connectMs: 1000, headersMs: 1000, bodyIdleMs: 150 });
    const response = await transport.send({
      method: 'GET',
      url: new URL(server.origin),
      headers: {},
      signal: new AbortController().signal,
    });
    await assert.rejects(readAll(response), isCode('source.truncated'));
    await transport.close();
  });

  it('stops with the reason of its signal, before and within a body', async () => {
    await using server = await testServer((_request, response) => void response.write('['));
    const transport = createTransport(guard);
    const reason = new Error('stopped');
    const controller = new AbortController();
    const request = {
      method: 'GET',
      url: new URL(server.origin),
      headers: {},
      signal: controller.signal,
    } as const;
    const response = await transport.send(request);
    setTimeout(() => controller.abort(reason), 20);
    await assert.rejects(readAll(response), reason);
    await assert.rejects(transport.send(request), reason);
    await transport.close();
  });

  it('keeps its connections free when answers are not read', async () => {
    const big = 'x'.repeat(1_000_000);
    await using server = await testServer((_request, response) =>
      sendJson(response, { message: big }, {}, 503),
    );
    const source = createHttpSource(
      { base_url: server.origin, resources: [{ name: 'a', path: '/a', pagination: { type: 'page' } }] },
      testContext(),
    );
    for (let i = 0; i < 4; i++) {
      const { error } = await pullUntilError(source, 'a');
      assert.ok(isCode('source.http_status')(error));
    }
    assert.equal(server.seen.length, 24);
    await source.close();
  });
});

describe('a redirect', () => {
  const source = (transport: Transport) =>
    createHttpSource(
      {
        base_url: 'https://api.example.com',
        resources: [{ name: 'a', path: '/a', pagination: { type: 'none' } }],
      },
      testContext({ allowHosts: [], transport }),
    );
  const answer = (status: number, headers: Record<string, string>, body = ''): HttpResponse => ({
    status,
    headers,
    body: (async function* () {
      yield Buffer.from(body);
    })(),
  });

  it('from https to http is refused', async () => {
    const { error } = await pullUntilError(
      source(async () => answer(301, { location: 'http://api.example.com/a' })),
      'a',
    );
    assert.ok(isCode('source.redirect')(error));
  });

  it('is followed relative to where it was met', async () => {
    const asked: string[] = [];
    const transport: Transport = async ({ url }) => {
      asked.push(url.href);
      return asked.length < 3
        ? answer(308, { location: `../b${asked.length}/` })
        : answer(200, {}, '[{"id":1}]');
    };
    assert.equal((await pullAll(source(transport), 'a')).rows.length, 1);
    assert.deepEqual(asked, [
      'https://api.example.com/a',
      'https://api.example.com/b1/',
      'https://api.example.com/b2/',
    ]);
  });
});
