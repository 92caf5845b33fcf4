import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { createMcp, type StdioOptions, serveStdio } from '../../src/index.ts';
import { ownerDoor } from '../support/connect.ts';
import { fakeServices } from '../support/fake-services.ts';

interface Said {
  readonly id?: unknown;
  readonly result?: { readonly [key: string]: unknown };
  readonly error?: { readonly code: number; readonly message: string };
}

/** A client that writes what it likes. */
function rawClient(t: TestContext, options: Partial<StdioOptions> = {}) {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const connection = serveStdio(createMcp(fakeServices()), { door: ownerDoor(), stdin, stdout, ...options });
  t.after(() => connection.close());
  const answers = stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  let held = '';
  const next = async (): Promise<Said> => {
    while (!held.includes('\n')) {
      const { value, done } = await answers.next();
      assert.notEqual(done, true);
      held += value;
    }
    const end = held.indexOf('\n');
    const line = held.slice(0, end);
    held = held.slice(end + 1);
    return JSON.parse(line);
  };
  const ask = (text: string): Promise<Said> => {
    stdin.write(`${text}\n`);
    return next();
  };
  return { stdin, connection, next, ask };
}

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const modern = (method: string, params: object = {}, id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: META } });
const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
});

describe('a line that is no message is refused, and the connection goes on', () => {
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const lines: readonly (readonly [string, string, number, unknown])[] = [
    ['not JSON', 'hello', -32700, null],
    ['JSON that breaks off', '{"jsonrpc":"2.0","id":1,', -32700, null],
    ['JSON nested without end', `{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":${deep}}}`, -32700, null],
    ['a batch', `[${modern('tools/list')},${modern('tools/list')}]`, -32600, null],
    ['an empty batch', '[]', -32600, null],
    ['a number', '42', -32600, null],
    ['an older JSON-RPC', '{"id":7,"method":"tools/list"}', -32600, 7],
    ['a method that is no text', '{"jsonrpc":"2.0","id":"a","method":5}', -32600, 'a'],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"tools/list"}', -32600, null],
    ['params that are text', '{"jsonrpc":"2.0","id":3,"method":"tools/list","params":"x"}', -32600, 3],
    ['an unknown method', modern('tools/destroy'), -32601, 1],
    ['a call without a name', modern('tools/call', { arguments: {} }), -32602, 1],
    ['arguments that are text', modern('tools/call', { name: 'context_tables', arguments: 'x' }), -32602, 1],
    ['a cursor that is a number', modern('resources/list', { cursor: 5 }), -32602, 1],
    ['nothing to read', modern('resources/read'), -32602, 1],
    ['nothing to complete', modern('completion/complete', { ref: {} }), -32602, 1],
    ['a cursor nobody gave out', modern('tools/list', { cursor: 'x' }), -32602, 1],
  ];
  for (const [name, line, code, id] of lines) {
    test(name, async (t) => {
      const { ask } = rawClient(t);
      const said = await ask(line);
      assert.deepEqual([said.error?.code, said.id], [code, id], JSON.stringify(said));
      assert.ok((await ask(modern('tools/list', {}, 9))).result?.tools);
    });
  }

  test('a line over the limit, whose rest is skipped', async (t) => {
    const { stdin, ask, next } = rawClient(t, { maxLineBytes: 10_000 });
    for (let i = 0; i < 50; i++) stdin.write('x'.repeat(1000));
    const refused = await next();
    assert.deepEqual([refused.error?.code, refused.id], [-32600, null]);
    stdin.write('{"jsonrpc":"2.0"}\n');
    assert.ok((await ask(modern('tools/list'))).result?.tools);
  });

  test('a message cut anywhere, also within a character, is one message', async (t) => {
    const { stdin, next } = rawClient(t);
    const bytes = Buffer.from(
      `${modern('tools/call', { name: 'context_describe', arguments: { table: 'ü€😀' } })}\r\n`,
    );
    for (const byte of bytes) stdin.write(Buffer.of(byte));
    assert.match(JSON.stringify((await next()).result), /ü€😀/);
  });
});

test('each older revision is spoken, and one that nobody knows becomes the newest of them', async (t) => {
  for (const [asked, spoken] of [
    ['2024-11-05', '2024-11-05'],
    ['2025-03-26', '2025-03-26'],
    ['2025-06-18', '2025-06-18'],
    ['2025-11-25', '2025-11-25'],
    ['1999-01-01', '2025-11-25'],
  ] as const) {
    const { ask } = rawClient(t);
    const { result } = await ask(INITIALIZE.replace('2025-06-18', asked));
    assert.equal(result?.protocolVersion, spoken);
    assert.deepEqual((await ask('{"jsonrpc":"2.0","id":1,"method":"ping"}')).result, {});
    const called = await ask(
      '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"context_tables","arguments":{}}}',
    );
    assert.match(JSON.stringify(called.result), /notes/, asked);
  }
});

test('an unknown method is refused in the older era, too', async (t) => {
  const { ask } = rawClient(t);
  assert.equal((await ask(INITIALIZE)).result?.protocolVersion, '2025-06-18');
  const said = await ask('{"jsonrpc":"2.0","id":5,"method":"tools/destroy"}');
  assert.deepEqual([said.error?.code, said.id], [-32601, 5]);
});

test('what was asked before the input ended is answered, then the connection closes', async (t) => {
  const { stdin, next, connection } = rawClient(t);
  stdin.end(`${modern('tools/call', { name: 'pipeline_run', arguments: { id: 'notes' } })}\n`);
  assert.match(JSON.stringify((await next()).result), /"state":"done"/);
  await connection.closed;
});

test('a call that outlasts the end of the input is aborted', async (t) => {
  const { promise: aborted, resolve: onAbort } = Promise.withResolvers<void>();
  const { pipelines } = fakeServices();
  const services = fakeServices(undefined, {
    pipelines: {
      ...pipelines,
      run: (_id, { signal }) => new Promise(() => signal?.addEventListener('abort', () => onAbort())),
    },
  });
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const connection = serveStdio(createMcp(services), { door: ownerDoor(), stdin, stdout, drainMs: 20 });
  t.after(() => connection.close());
  stdin.end(`${modern('tools/call', { name: 'pipeline_run', arguments: { id: 'notes' } })}\n`);
  await connection.closed;
  await aborted;
});

test('a signal ends the connection', async (t) => {
  const controller = new AbortController();
  const { connection, ask } = rawClient(t, { signal: controller.signal });
  await ask(modern('tools/list'));
  controller.abort();
  await connection.closed;
});

for (const mode of ['legacy', 'auto'] as const) {
  test(`the official client talks to a process of its own, mode ${mode}`, async (t) => {
    const program = join(import.meta.dirname, '../support/stdio-program.ts');
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [program],
      stderr: 'inherit',
    });
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    t.after(() => client.close());
    await client.connect(transport);
    assert.equal(client.getProtocolEra(), mode === 'auto' ? 'modern' : 'legacy');
    const result = await client.callTool({ name: 'context_get', arguments: { table: 'notes', keys: [[1]] } });
    assert.match(JSON.stringify(result.structuredContent), /a note/);
  });
}
