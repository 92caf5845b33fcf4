import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { type Credentials, type Gatekeeper, HakiriError, OWNER_GRANT } from '@hakiri/core';
import { createDoors, createMcp } from '../../src/index.ts';
import { recordingAudit } from '../support/audit.ts';
import { connectHttp, TOKEN } from '../support/connect.ts';
import { fakeGatekeeper, fakeServices } from '../support/fake-services.ts';
import { listen } from '../support/listen.ts';

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const CONTENT = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

const server = (t: TestContext, gatekeeper: Gatekeeper, audit = recordingAudit()) => {
  const services = fakeServices(undefined, { gatekeeper, audit });
  return listen(t, createMcp(services), { doors: createDoors(services), project: 'demo' });
};

const refusing = (
  code: ConstructorParameters<typeof HakiriError>[0],
  seen: Credentials[] = [],
): Gatekeeper => ({
  authenticate: async (credentials) => {
    seen.push(credentials);
    throw new HakiriError(code, 'It says "no" — plainly');
  },
});

const post = (url: string, headers: Record<string, string>, body: object = INITIALIZE) =>
  fetch(url, { method: 'POST', headers: { ...CONTENT, ...headers }, body: JSON.stringify(body) });

describe('who is not let in is told how it could be', () => {
  test('without a token: both schemes, no error, and where to read on', async (t) => {
    const { url, origin } = await server(t, fakeGatekeeper());
    const response = await post(url, {});
    assert.equal(response.status, 401);
    const metadata = `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`;
    assert.equal(
      response.headers.get('www-authenticate'),
      `Bearer realm="hakiri", ${metadata}, DPoP realm="hakiri", algs="EdDSA ES256", ${metadata}`,
    );
    assert.deepEqual(((await response.json()) as { error: { data: object } }).error.data, {
      code: 'token.missing',
    });
  });

  for (const code of ['token.invalid', 'token.expired', 'token.revoked', 'token.not_yet_valid'] as const) {
    test(`with a token that is refused: ${code}`, async (t) => {
      const audit = recordingAudit();
      const { url } = await server(t, refusing(code), audit);
      const response = await post(url, { authorization: 'Bearer abc' });
      assert.equal(response.status, 401);
      const challenge = response.headers.get('www-authenticate') ?? '';
      // Nothing that would end the quotes, or that is no ASCII.
      assert.match(challenge, /^Bearer .*error="invalid_token", error_description="It says 'no' \? plainly"/);
      assert.deepEqual(
        audit.events.map(({ action, outcome, code: why, target }) => [action, outcome, why, target]),
        [['token_refused', 'refused', code, 'mcp-http']],
      );
      assert.ok(!JSON.stringify(audit.events).includes('abc'));
    });
  }

  test('with a proof that does not hold, or without the proof that is asked for', async (t) => {
    const seen: Credentials[] = [];
    const { url } = await server(t, refusing('token.proof', seen));
    const wrong = await post(`${url}?x=1`, { authorization: 'DPoP abc', dpop: 'p' });
    assert.match(wrong.headers.get('www-authenticate') ?? '', /^DPoP .*error="invalid_dpop_proof"/);
    assert.deepEqual(seen.at(-1), { token: 'abc', proof: { jwt: 'p', method: 'POST', url } });
    for (const authorization of ['DPoP abc', 'Bearer abc']) {
      const none = await post(url, { authorization });
      assert.match(none.headers.get('www-authenticate') ?? '', /^DPoP .*error="invalid_token"/);
    }
    // Asked for as bearer, a proof beside it counts for nothing.
    await post(url, { authorization: 'Bearer abc', dpop: 'p' });
    assert.deepEqual(seen.at(-1), { token: 'abc' });
  });

  test('behind TLS the address is what the client called', async (t) => {
    const seen: Credentials[] = [];
    const { url } = await server(t, refusing('token.proof', seen));
    await post(url, { authorization: 'DPoP abc', dpop: 'p', 'x-forwarded-proto': 'https' });
    assert.equal(seen[0]?.proof?.url, url.replace('http:', 'https:'));
  });

  test('a flood of bad tokens does not fill the audit', async (t) => {
    const audit = recordingAudit();
    const { url } = await server(t, refusing('token.invalid'), audit);
    for (let i = 0; i < 80; i++) assert.equal((await post(url, { authorization: 'Bearer x' })).status, 401);
    assert.equal(audit.events.length, 60);
  });

  test('where the refusal cannot be recorded nobody is told anything', async (t) => {
    const audit = recordingAudit();
    audit.fail = true;
    const { url } = await server(t, refusing('token.invalid'), audit);
    assert.equal((await post(url, { authorization: 'Bearer x' })).status, 503);
  });
});

test('how a token is sent is told to anybody, and whom it is for', async (t) => {
  const { origin } = await server(t, fakeGatekeeper());
  for (const path of ['', '/mcp']) {
    const response = await fetch(`${origin}/.well-known/oauth-protected-resource${path}`);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), {
      resource: `${origin}${path}`,
      resource_name: 'Hakiri: demo',
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: ['EdDSA', 'ES256'],
      dpop_bound_access_tokens_required: false,
    });
  }
});

describe('a session of the older era', () => {
  const narrow = { digest: 'narrow', rights: [{ table: 'notes', action: 'read' as const }] };
  const open = async (url: string, token: string): Promise<string> => {
    const response = await post(url, { authorization: `Bearer ${token}` });
    assert.equal(response.status, 200);
    await response.text();
    return response.headers.get('mcp-session-id') ?? '';
  };
  const use = async (url: string, session: string, token: string, method: 'POST' | 'DELETE' = 'POST') => {
    const response = await fetch(url, {
      method,
      headers: {
        ...CONTENT,
        authorization: `Bearer ${token}`,
        'mcp-session-id': session,
        'mcp-protocol-version': '2025-06-18',
      },
      ...(method === 'POST' ? { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) } : {}),
    });
    return [response.status, await response.text()] as const;
  };

  test('is for whoever opened it: to others, with more or with less, there is none', async (t) => {
    const { url } = await server(t, fakeGatekeeper({ narrow, other: { digest: 'other' } }));
    const session = await open(url, 'narrow');
    for (const token of [TOKEN, 'other', 'narrow~']) {
      const status = token === 'narrow~' ? 200 : 404;
      assert.equal((await use(url, session, token))[0], status, token);
    }
    assert.equal((await use(url, session, TOKEN, 'DELETE'))[0], 404);
    const [status, text] = await use(url, session, 'narrow');
    assert.equal(status, 200);
    assert.ok(!text.includes('"memory_write"'));
    assert.ok(text.includes('"context_query"'));
  });
});

for (const era of ['legacy', 'modern'] as const) {
  test(`a token that is revoked in the middle ends at its next request, ${era} era`, async (t) => {
    let isRevoked = false;
    const gatekeeper: Gatekeeper = {
      async authenticate(credentials) {
        if (isRevoked) throw new HakiriError('token.revoked', 'The token was revoked');
        return fakeGatekeeper().authenticate(credentials);
      },
    };
    const services = fakeServices(undefined, { gatekeeper });
    const client = await connectHttp(t, era, createMcp(services), { doors: createDoors(services) });
    await client.callTool({ name: 'context_tables' });
    isRevoked = true;
    await assert.rejects(client.callTool({ name: 'context_tables' }), /401|revoked|Unauthorized/i);
    isRevoked = false;
    await client.callTool({ name: 'context_tables' });
  });
}

test('the grant of a request is the one of its token, whoever else asks at the same time', async (t) => {
  const seen: unknown[] = [];
  const { serve } = fakeServices();
  const services = fakeServices(undefined, {
    gatekeeper: fakeGatekeeper({ a: { subject: 'a' }, b: { subject: 'b', zone: 'on-prem:x' } }),
    serve: {
      ...serve,
      tables: async (grant) => {
        seen.push([grant.subject, grant.zone, grant.via, grant.traceparent]);
        return serve.tables(grant);
      },
    },
  });
  const doors = createDoors(services);
  const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
  for (const era of ['legacy', 'modern'] as const) {
    const clients = await Promise.all(
      ['a', 'b'].map((token) => connectHttp(t, era, createMcp(services), { doors }, token)),
    );
    seen.length = 0;
    await Promise.all(
      clients.map((client) => client.callTool({ name: 'context_tables', _meta: { traceparent } })),
    );
    assert.deepEqual(seen.sort(), [
      ['a', OWNER_GRANT.zone, 'mcp-http', traceparent],
      ['b', 'on-prem:x', 'mcp-http', traceparent],
    ]);
  }
});
