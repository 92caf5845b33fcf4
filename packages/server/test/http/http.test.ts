import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createMcp, type McpHandlers } from '../../src/index.ts';
import { TOKEN } from '../support/connect.ts';
import { fakeServices } from '../support/fake-services.ts';
import { listen } from '../support/listen.ts';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const call = (method: string, params: object = {}): object => ({
  jsonrpc: '2.0',
  id: 1,
  method,
  params: { ...params, _meta: META },
});
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const LIST = call('tools/list');

interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly error?: { readonly code: number }; readonly result?: Record<string, unknown> };
}

/** A POST as a modern client makes it, but for what is overridden. A header set to '' is left out. */
async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Sent> {
  const method = (body as { method?: string })?.method ?? 'x';
  const all = {
    authorization: `Bearer ${TOKEN}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...headers,
  };
  const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, { method: 'POST', headers: sent, body: text });
  const answer = await response.text();
  const json = answer.startsWith('{') ? JSON.parse(answer) : {};
  return { status: response.status, headers: response.headers, body: json };
}

const server = (t: TestContext, options: Parameters<typeof listen>[2] = {}) =>
  listen(t, createMcp(fakeServices()), options);

describe('whoever may not call is turned away before anything is read', () => {
  test('without a token, with a challenge', async (t) => {
    const { url } = await server(t);
    const { status, headers } = await post(url, LIST, { authorization: '' });
    assert.equal(status, 401);
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm="hakiri"/);
  });

  for (const [name, authorization] of [
    ['a wrong token', 'Bearer wrong'],
    ['the token cut short', `Bearer ${TOKEN.slice(0, -1)}`],
    ['the token drawn out', `Bearer ${TOKEN}x`],
    ['the token as a password', `Basic ${TOKEN}`],
    ['the token twice', `Bearer ${TOKEN} ${TOKEN}`],
    ['the token alone', TOKEN],
  ] as const) {
    test(`with ${name}`, async (t) => {
      const { url } = await server(t);
      const { status, headers, body } = await post(url, LIST, { authorization });
      assert.equal(status, 401);
      assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm="hakiri"/);
      assert.equal(JSON.stringify(body).includes(TOKEN.slice(0, -1)), false);
    });
  }

  test('from a web page, whatever its origin', async (t) => {
    const { url } = await server(t);
    for (const origin of ['https://evil.example', 'http://localhost:3000', 'null', 'file://']) {
      assert.equal((await post(url, LIST, { origin })).status, 403, origin);
    }
  });

  test('unless its origin was allowed', async (t) => {
    const { url } = await server(t, { allowedOrigins: ['app.example'] });
    assert.equal((await post(url, LIST, { origin: 'https://app.example' })).status, 200);
    assert.equal((await post(url, LIST, { origin: 'https://app.example.evil' })).status, 403);
  });

  test('under a foreign name, which is what DNS rebinding looks like', async (t) => {
    const { port } = await server(t);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost.evil:80',
    ]) {
      const answer = await raw(port, [
        'POST /mcp HTTP/1.1',
        `Host: ${host}`,
        `Authorization: Bearer ${TOKEN}`,
        'Content-Type: application/json',
        'Content-Length: 2',
        '',
        '{}',
      ]);
      assert.match(answer, /^HTTP\/1\.1 403 /, host);
    }
  });

  test('no answer names an origin that may read it', async (t) => {
    const { url } = await server(t);
    const response = await fetch(url, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
    await response.text();
    assert.equal(response.status, 403);
    assert.equal(response.headers.get('access-control-allow-origin'), null);
  });

  test('paths that are open need no token, and are guarded otherwise', async (t) => {
    const { origin, app } = await server(t, { openPaths: ['/healthz'] });
    app.get('/healthz', (c) => c.text('ok'));
    app.get('/metrics', (c) => c.text('numbers'));
    const get = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
      const response = await fetch(`${origin}${path}`, { headers });
      await response.text();
      return response.status;
    };
    assert.equal(await get('/healthz'), 200);
    assert.equal(await get('/healthz', { origin: 'https://evil.example' }), 403);
    assert.equal(await get('/metrics'), 401);
    assert.equal(await get('/metrics', { authorization: `Bearer ${TOKEN}` }), 200);
    assert.equal(await get('/nothing', { authorization: `Bearer ${TOKEN}` }), 404);
    assert.equal(await get('/nothing'), 401);
  });
});

describe('a body that is no message is refused, and the next one is served', () => {
  const deep = `{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`;
  const legacy = { 'mcp-protocol-version': '2025-06-18' };
  const bodies: readonly (readonly [string, unknown, Record<string, string>, number, number])[] = [
    ['not JSON', 'hello', {}, 400, -32700],
    ['nothing', '', {}, 400, -32700],
    ['JSON nested without end', deep, {}, 400, -32700],
    ['another type', LIST, { 'content-type': 'text/plain' }, 415, -32000],
    ['no type', LIST, { 'content-type': '' }, 415, -32000],
    ['larger than the limit', call('tools/list', { x: 'x'.repeat(400_000) }), {}, 413, -32000],
    ['a batch in the new era', [LIST, LIST], {}, 400, -32600],
    [
      'a batch of thousands',
      Array(5000).fill({ jsonrpc: '2.0', id: 1, method: 'ping' }),
      legacy,
      400,
      -32600,
    ],
    ['an unknown method', call('tools/destroy'), {}, 404, -32601],
    ['a header that says another method', LIST, { 'mcp-method': 'tools/call' }, 400, -32020],
    ['no envelope', { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }, {}, 400, -32602],
    ['an era to come', call('tools/list'), { 'mcp-protocol-version': '2099-01-01' }, 400, -32020],
    ['no session in the older era', { jsonrpc: '2.0', id: 1, method: 'tools/list' }, legacy, 400, -32000],
    [
      'a session that is none',
      { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      { ...legacy, 'mcp-session-id': 'x' },
      404,
      -32001,
    ],
  ];
  for (const [name, body, headers, status, code] of bodies) {
    test(name, async (t) => {
      const { url } = await server(t, { maxBodyBytes: 300_000 });
      const refused = await post(url, body, headers);
      assert.deepEqual(
        [refused.status, refused.body.error?.code],
        [status, code],
        JSON.stringify(refused.body),
      );
      const served = await post(url, LIST);
      assert.equal((served.body.result as { tools: unknown[] } | undefined)?.tools.length, 11);
    });
  }

  test('one that is larger than the limit without saying so', async (t) => {
    const { port } = await server(t, { maxBodyBytes: 1000 });
    const head = [
      'POST /mcp HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      `Authorization: Bearer ${TOKEN}`,
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
      '',
      '',
    ].join('\r\n');
    const chunk = `200\r\n${'x'.repeat(512)}\r\n`;
    assert.match(await raw(port, [`${head}${chunk.repeat(10)}`]), /^HTTP\/1\.1 413 /);
  });

  test('one that does not arrive in time', async (t) => {
    const { port, url } = await server(t, { bodyTimeoutMs: 100 });
    const slow = raw(port, [
      'POST /mcp HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      `Authorization: Bearer ${TOKEN}`,
      'Content-Type: application/json',
      'Content-Length: 1000',
      '',
      '{"jsonrpc"',
    ]);
    // Others are served meanwhile.
    assert.equal((await post(url, LIST)).status, 200);
    assert.match(await slow, /^HTTP\/1\.1 408 /);
  });
});

describe('sessions of the older era', () => {
  const open = (url: string): Promise<Sent> =>
    post(url, INITIALIZE, { 'mcp-protocol-version': '2025-06-18', 'mcp-method': '' });
  const within = async (url: string, opened: Sent): Promise<number> => {
    const { status } = await post(
      url,
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      {
        'mcp-protocol-version': '2025-06-18',
        'mcp-method': '',
        'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
      },
    );
    return status;
  };

  test('end when they are deleted', async (t) => {
    const { url } = await server(t);
    const opened = await open(url);
    assert.equal(await within(url, opened), 200);
    const deleted = await fetch(url, {
      method: 'DELETE',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
      },
    });
    assert.equal(deleted.status, 200);
    assert.equal(await within(url, opened), 404);
  });

  /** Time stands still until it is told to go on. */
  const stillClock = () => {
    let nowMs = 0;
    return { monotonicMs: () => nowMs, goOn: (ms: number) => (nowMs += ms) };
  };

  test('end when nobody has used them for a while, and not before', async (t) => {
    const clock = stillClock();
    const { url } = await server(t, { sessionIdleMs: 1000, clock });
    const [used, idle] = [await open(url), await open(url)];
    for (let i = 0; i < 3; i++) {
      clock.goOn(400);
      assert.equal(await within(url, used), 200);
    }
    assert.equal(await within(url, idle), 404);
    assert.equal(await within(url, used), 200);
  });

  test('do not end while a call is under way', async (t) => {
    const { promise: started, resolve: onStart } = Promise.withResolvers<void>();
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
    const { pipelines } = fakeServices();
    const services = fakeServices(undefined, {
      pipelines: {
        ...pipelines,
        run: async () => {
          onStart();
          await finished;
          return { job: 'j', state: 'done', tables: [] };
        },
      },
    });
    const clock = stillClock();
    const { url } = await listen(t, createMcp(services), { sessionIdleMs: 1000, clock });
    const client = new Client({ name: 'test', version: '1' });
    t.after(() => client.close());
    await client.connect(
      new StreamableHTTPClientTransport(new URL(url), {
        requestInit: { headers: { authorization: `Bearer ${TOKEN}` } },
      }),
    );
    const running = client.callTool({ name: 'pipeline_run', arguments: { id: 'notes' } });
    await started;
    clock.goOn(10_000);
    assert.equal((await open(url)).status, 200);
    finish();
    assert.match(JSON.stringify((await running).structuredContent), /done/);
  });

  test('are so many at once, and one that ended makes room', async (t) => {
    const clock = stillClock();
    const { url } = await server(t, { maxSessions: 2, sessionIdleMs: 1000, clock });
    assert.deepEqual([(await open(url)).status, (await open(url)).status], [200, 200]);
    const refused = await open(url);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '10');
    // The new era has no sessions, and does not mind.
    assert.equal((await post(url, LIST)).status, 200);
    clock.goOn(1000);
    assert.equal((await open(url)).status, 200);
  });

  test('end by themselves, also when nobody asks any more', async (t) => {
    const ended: string[] = [];
    const { serverFor, onError } = createMcp(fakeServices());
    const mcp: McpHandlers = {
      onError,
      serverFor: (entrance) => async (context) => {
        const made = await serverFor(entrance)(context);
        if (!('server' in made)) made.onclose = () => ended.push('closed');
        return made;
      },
    };
    const { url } = await listen(t, mcp, { sessionIdleMs: 40 });
    await open(url);
    while (ended.length === 0) await sleep(10);
  });
});

test('a client that goes away cancels its call', async (t) => {
  const { promise: aborted, resolve: onAbort } = Promise.withResolvers<void>();
  const { promise: started, resolve: onStart } = Promise.withResolvers<void>();
  const { pipelines } = fakeServices();
  const services = fakeServices(undefined, {
    pipelines: {
      ...pipelines,
      run: (_id, { signal }) =>
        new Promise(() => {
          signal?.addEventListener('abort', () => onAbort());
          onStart();
        }),
    },
  });
  const { url } = await listen(t, createMcp(services));
  const controller = new AbortController();
  const asked = fetch(url, {
    method: 'POST',
    signal: controller.signal,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'pipeline_run',
    },
    body: JSON.stringify(call('tools/call', { name: 'pipeline_run', arguments: { id: 'notes' } })),
  });
  await started;
  controller.abort();
  await assert.rejects(asked);
  await aborted;
});

/** Writes lines as they are; what came back until the other side closed. */
function raw(port: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(lines.join('\r\n')));
    let answer = '';
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text;
      if (answer.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}
