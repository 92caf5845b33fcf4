import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  attenuator,
  createGatekeeper,
  issueToken,
  openRevocations,
  ownerToken,
  signingKeyOf,
  type TokenRequest,
} from '@hakiri/access/token';
import type { Grant } from '@hakiri/core';
import { createDoors, createLog, createMeter, NO_TRACES, openTransports } from '@hakiri/server';
import { connectToDaemon } from '@hakiri/server/relay';
import { nodeFiles } from '@hakiri/store';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { fakeServices } from '../../../server/test/support/fake-services.ts';
import { systemClock } from '../../src/system-clock.ts';

/** Real tokens at the transports of a daemon; what is behind them is pretended. */
async function place(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-tokens-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const key = signingKeyOf(randomBytes(32));
  const revocations = openRevocations(nodeFiles, join(folder, 'revoked'));
  const gatekeeper = createGatekeeper({ publicKeys: () => [key.publicKey], clock: systemClock, revocations });
  const grants: Grant[] = [];
  const { serve } = fakeServices();
  const services = fakeServices(undefined, {
    gatekeeper,
    attenuator,
    serve: {
      ...serve,
      async tables(grant) {
        grants.push(grant);
        return serve.tables(grant);
      },
    },
  });
  const transports = await openTransports({
    services,
    doors: createDoors(services),
    isOwner: () => false,
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    socketPath: join(folder, 'd.sock'),
    meter: createMeter({ children: () => 0, running: () => 0, memory: () => [] }),
    log: createLog({ write: () => {}, level: 'silent' }),
    tracer: NO_TRACES,
    isReady: () => true,
  });
  t.after(() => transports.close(0));
  const url = `http://127.0.0.1:${transports.port}/mcp`;
  const issue = (request: Partial<TokenRequest> = {}) =>
    issueToken({ agent: 'lead', rights: [{ table: '*', action: 'read' }], ...request }, key);
  const connect = async (headers: () => Record<string, string>, era: 'legacy' | 'modern' = 'modern') => {
    const mode = era === 'modern' ? { pin: '2026-07-28' } : ('legacy' as const);
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    t.after(() => client.close());
    await client.connect(
      new StreamableHTTPClientTransport(new URL(url), {
        fetch: (address, init) => {
          const all = new Headers(init?.headers);
          for (const [name, value] of Object.entries(headers())) all.set(name, value);
          return fetch(address, { ...init, headers: all });
        },
      }),
    );
    return client;
  };
  const bearer = (token: string) => () => ({ authorization: `Bearer ${token}` });
  return { key, url, issue, connect, bearer, revocations, grants, socket: join(folder, 'd.sock') };
}

const structured = async (client: Client, name: string, args: Record<string, unknown> = {}) =>
  (await client.callTool({ name, arguments: args })).structuredContent as Record<string, unknown>;

for (const era of ['legacy', 'modern'] as const) {
  test(`a token is passed on twice; when the one in the middle is revoked, it and the last are refused, ${era} era`, async (t) => {
    const { issue, connect, bearer, revocations, grants } = await place(t);
    const { token } = issue({ onBehalfOf: 'ada' });
    const lead = await connect(bearer(token), era);
    const passOn = async (client: Client, args: object) =>
      String((await structured(client, 'token_attenuate', { ...args })).token);
    const middleToken = await passOn(lead, {
      tables: ['notes'],
      delegate: { agent: 'middle', task: 'sort' },
    });
    const middle = await connect(bearer(middleToken), era);
    const subToken = await passOn(middle, {
      rows: [{ table: 'notes', filter: 'id > 1' }],
      ttl: '5m',
      delegate: { agent: 'sub' },
    });
    const sub = await connect(bearer(subToken), era);

    await structured(sub, 'context_tables');
    const { principal, restrictions, tokenIds, via } = grants.at(-1) as Grant;
    assert.deepEqual([principal.agent, principal.onBehalfOf, via], ['lead', 'ada', 'mcp-http']);
    assert.deepEqual(
      principal.delegates.map(({ agent }) => agent),
      ['middle', 'sub'],
    );
    assert.deepEqual(restrictions.at(1)?.tables, ['notes']);
    assert.deepEqual(restrictions.at(2)?.rows, [{ table: 'notes', predicate: 'id > 1' }]);

    await revocations.revoke(tokenIds[1] as string, { atMs: Date.now() });
    for (const client of [middle, sub]) {
      await assert.rejects(structured(client, 'context_tables'), /401|revoked|Unauthorized/i);
    }
    await structured(lead, 'context_tables');
  });
}

test('what would widen a token is refused, or takes no effect', async (t) => {
  const { issue, connect, bearer, grants } = await place(t);
  const { token } = issue({ rights: [{ table: 'notes', action: 'read' }], expiresAtMs: Date.now() + 60_000 });
  const client = await connect(bearer(token));
  for (const args of [{ tables: ['others'] }, { ttl: '1d' }]) {
    const { error } = await structured(client, 'token_attenuate', args);
    assert.equal((error as { code: string }).code, 'token.widens', JSON.stringify(args));
  }
  const made = await structured(client, 'token_attenuate', { zones: ['public-cloud:*'] });
  await structured(await connect(bearer(String(made.token))), 'context_tables');
  assert.deepEqual(grants.at(-1)?.rights, [{ table: 'notes', action: 'read' }]);
  assert.deepEqual(grants.at(-1)?.zone, undefined);
});

test('who went incognito passes on no more than that', async (t) => {
  const { issue, connect, bearer, grants } = await place(t);
  const { token } = issue({ zone: 'local:device' });
  const client = await connect(bearer(token));
  await structured(client, 'session_incognito');
  const made = String((await structured(client, 'token_attenuate', { zones: ['public-cloud:*'] })).token);
  // The first is in the token, and would hold at another daemon, too; the last is of the session.
  await structured(await connect(bearer(made)), 'context_tables');
  assert.deepEqual(
    grants.at(-1)?.restrictions.flatMap(({ zones }) => (zones === undefined ? [] : [zones])),
    [['local:*', 'on-prem:*'], ['public-cloud:*'], ['local:*', 'on-prem:*']],
  );
});

/** RFC 9449. */
function proof(privateKey: KeyObject, jwk: object, claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ typ: 'dpop+jwt', alg: 'EdDSA', jwk })}.${part(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
}

test('a token with proof of possession is for whoever has the key, once a request', async (t) => {
  const { issue, connect, url, socket, key } = await place(t);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const jwk = publicKey.export({ format: 'jwk' });
  const { crv, kty, x } = jwk;
  const proofKey = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  const { token } = issue({ proofKey });
  const ath = createHash('sha256').update(token).digest('base64url');
  const claims = (htm: string) => ({ jti: randomUUID(), htm, htu: url, iat: Date.now() / 1000, ath });
  const fresh = () => ({
    authorization: `DPoP ${token}`,
    dpop: proof(privateKey, jwk, claims('POST')),
  });
  const client = await connect(fresh);
  assert.ok((await structured(client, 'context_tables')).tables);

  const post = async (headers: Record<string, string>) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    });
    await response.text();
    return [response.status, /error="(\w+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1]];
  };
  const once = fresh();
  assert.notEqual((await post(once))[0], 401);
  assert.deepEqual(await post(once), [401, 'invalid_dpop_proof']);
  const stranger = generateKeyPairSync('ed25519');
  for (const dpop of [
    proof(stranger.privateKey, jwk, claims('POST')),
    proof(stranger.privateKey, stranger.publicKey.export({ format: 'jwk' }), claims('POST')),
    proof(privateKey, jwk, claims('GET')),
    proof(privateKey, jwk, { ...claims('POST'), htu: 'https://elsewhere.example/mcp' }),
    'nonsense',
  ]) {
    assert.deepEqual(await post({ ...fresh(), dpop }), [401, 'invalid_dpop_proof']);
  }
  const { authorization } = fresh();
  assert.deepEqual(await post({ authorization }), [401, 'invalid_token']);
  assert.deepEqual(await post({ authorization: `Bearer ${token}` }), [401, 'invalid_token']);
  // Where there are no headers there is no proof.
  await assert.rejects(connectToDaemon(socket, { token }), { code: 'token.proof' });
  assert.ok(await connectToDaemon(socket, { token: ownerToken(key).token }));
});

test('a token of another project, or one that was changed, is of no use', async (t) => {
  const [here, there] = [await place(t), await place(t)];
  const { token } = there.issue();
  for (const bad of [token, `${here.issue().token.slice(0, -4)}AAAA`, 'x', `${here.issue().token}.`]) {
    await assert.rejects(here.connect(here.bearer(bad)), /401|Unauthorized/i);
    await assert.rejects(connectToDaemon(here.socket, { token: bad }), { code: 'token.invalid' });
  }
});
