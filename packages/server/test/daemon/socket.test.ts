import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { type Gatekeeper, HakiriError, type Right } from '@hakiri/core';
import { connectToDaemon, type Greeting, relay } from '../../src/daemon/relay.ts';
import {
  createDoors,
  createLog,
  createMeter,
  NO_TRACES,
  openTransports,
  ownerProof,
} from '../../src/index.ts';
import { fakeGatekeeper, fakeServices } from '../support/fake-services.ts';

const PROOF = ownerProof('the key');

/** The transports of a daemon, whose owner has `the key`. */
async function daemon(t: TestContext, gatekeeper: Gatekeeper = fakeGatekeeper()) {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-socket-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const services = fakeServices(undefined, { gatekeeper });
  const transports = await openTransports({
    services,
    doors: createDoors(services),
    isOwner: (proof) => proof === PROOF,
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    socketPath: join(folder, 'd.sock'),
    meter: createMeter({ children: () => 0, running: () => 0, memory: () => [] }),
    log: createLog({ write: () => {}, level: 'silent' }),
    tracer: NO_TRACES,
    isReady: () => true,
  });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await transports.close(0);
    isOpen = false;
  };
  t.after(close);
  return { path: join(folder, 'd.sock'), origin: `http://127.0.0.1:${transports.port}`, close };
}

const line = (id: number, method: string, params: object = {}): string =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`;
const INITIALIZE = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'raw', version: '1' },
};

/** The answers to what is written, as they come. */
function conversation(socket: Socket) {
  const lines = socket.setEncoding('utf8')[Symbol.asyncIterator]();
  let held = '';
  const next = async (): Promise<{ id: number; result: { tools?: { name: string }[] }; error?: object }> => {
    while (!held.includes('\n')) {
      const { value, done } = await lines.next();
      assert.notEqual(done, true, 'the daemon went away');
      held += value;
    }
    const end = held.indexOf('\n');
    const text = held.slice(0, end);
    held = held.slice(end + 1);
    return JSON.parse(text);
  };
  const ask = (id: number, method: string, params: object = {}) => {
    socket.write(line(id, method, params));
    return next();
  };
  return { ask, next };
}

async function toolsOf(path: string, greeting: Greeting): Promise<readonly string[]> {
  const socket = await connectToDaemon(path, greeting);
  assert.ok(socket);
  const { ask } = conversation(socket);
  await ask(0, 'initialize', INITIALIZE);
  const { result } = await ask(1, 'tools/list');
  socket.destroy();
  return (result.tools ?? []).map(({ name }) => name);
}

const fails = (code: string) => (error: unknown) => error instanceof HakiriError && error.code === code;

test('a client of the socket is who it shows to be, and nobody without that', async (t) => {
  const rights: readonly Right[] = [{ table: 'notes', action: 'read' }];
  const { path } = await daemon(t, fakeGatekeeper({ narrow: { rights } }));
  assert.ok((await toolsOf(path, { owner: PROOF })).includes('memory_write'));
  const narrow = await toolsOf(path, { token: 'narrow' });
  assert.ok(narrow.includes('context_query') && !narrow.includes('memory_write'));
  // Both shown: the token counts, since it can only be less.
  assert.deepEqual(await toolsOf(path, { token: 'narrow', owner: PROOF }), narrow);
  await assert.rejects(connectToDaemon(path, { token: 'wrong' }), fails('token.invalid'));
  await assert.rejects(connectToDaemon(path, { token: 'wrong', owner: PROOF }), fails('token.invalid'));
  await assert.rejects(connectToDaemon(path, { owner: ownerProof('another key') }), fails('token.missing'));
  await assert.rejects(connectToDaemon(path, {}), fails('token.missing'));
});

test('what is no greeting is refused in words of the protocol, and ends the connection', async (t) => {
  const { path } = await daemon(t);
  const first: readonly string[] = [
    line(0, 'initialize', INITIALIZE),
    'hello\n',
    '{"hakiri":2,"owner":"x"}\n',
    `{"hakiri":1,"token":{"x":1}}\n`,
    `${'x'.repeat(70_000)}`,
  ];
  for (const text of first) {
    const socket = connect({ path });
    socket.write(text);
    const { error } = await conversation(socket).next();
    assert.match(JSON.stringify(error), /"code":"usage\.argument"/, text.slice(0, 40));
    socket.destroy();
  }
  const early = connect({ path });
  early.end();
  await new Promise((resolve) => early.once('close', resolve).resume());
});

test('a message right behind the greeting is not lost', async (t) => {
  const { path } = await daemon(t);
  const socket = connect({ path });
  socket.write(`{"hakiri":1,"owner":"${PROOF}"}\n${line(7, 'initialize', INITIALIZE)}`);
  const { next } = conversation(socket);
  assert.deepEqual(await next(), { hakiri: 1 });
  assert.equal((await next()).id, 7);
  socket.destroy();
});

test('a token that is revoked while its client is connected ends at the next request', async (t) => {
  let isRevoked = false;
  const { path } = await daemon(t, {
    async authenticate(credentials) {
      if (isRevoked) throw new HakiriError('token.revoked', 'The token was revoked');
      return fakeGatekeeper({ own: {} }).authenticate(credentials);
    },
  });
  const socket = await connectToDaemon(path, { token: 'own' });
  assert.ok(socket);
  const { ask } = conversation(socket);
  await ask(0, 'initialize', INITIALIZE);
  assert.equal((await ask(1, 'tools/list')).error, undefined);
  isRevoked = true;
  assert.match(JSON.stringify((await ask(2, 'tools/list')).error), /token\.revoked/);
  socket.destroy();
});

test('who went incognito stays so when the daemon is gone', async (t) => {
  const { path, close } = await daemon(t);
  const socket = await connectToDaemon(path, { owner: PROOF });
  assert.ok(socket);
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const wentOn: unknown[] = [];
  const over = relay({
    stdin,
    stdout,
    daemon: socket,
    goOnAlone: async (_pipes, session) => void wentOn.push(session),
    signal: new AbortController().signal,
  });
  const answers = stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  stdin.write(line(0, 'initialize', INITIALIZE));
  await answers.next();
  stdin.write(line(1, 'tools/call', { name: 'session.incognito', arguments: {} }));
  assert.match((await answers.next()).value, /"incognito":true/);
  await close();
  await over;
  assert.deepEqual(wentOn, [{ incognito: true }]);
});

test("figures are the owner's", async (t) => {
  const { origin } = await daemon(
    t,
    fakeGatekeeper({ narrow: { rights: [{ table: '*', action: 'read' }] } }),
  );
  const get = async (token: string) => {
    const response = await fetch(`${origin}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    await response.text();
    return response;
  };
  assert.equal((await get('a-token-for-tests')).status, 200);
  const refused = await get('narrow');
  assert.equal(refused.status, 403);
  assert.match(refused.headers.get('www-authenticate') ?? '', /insufficient_scope/);
  // The largest token there is goes through the door, whatever it is good for.
  assert.equal((await get('x'.repeat(22_000))).status, 401);
});
