import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { createHttpSource } from '../../src/http/http-source.ts';
import { pullAll, pullUntilError, testContext } from '../support/test-context.ts';
import { query, sendJson, testServer } from '../support/test-server.ts';

const SECRETS = { TOKEN: 'tok-123', PASSWORD: 'pass-123', ID: 'id-123' };

function source(
  origin: string,
  auth: unknown,
  context = testContext({ secretValues: SECRETS }),
  pages: unknown = { type: 'none' },
) {
  return createHttpSource(
    { base_url: origin, auth, resources: [{ name: 'items', path: '/items', pagination: pages }] },
    context,
  );
}

describe('credentials', () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  const schemes: readonly [unknown, (headers: Record<string, unknown>, url: string) => unknown, string][] = [
    [{ type: 'bearer', token: 'TOKEN' }, (headers) => headers.authorization, 'Bearer tok-123'],
    [
      { type: 'basic', username: 'me', password: 'PASSWORD' },
      (headers) => headers.authorization,
      basic('me:pass-123'),
    ],
    [{ type: 'basic', username_secret: 'TOKEN' }, (headers) => headers.authorization, basic('tok-123:')],
    [
      { type: 'header', name: 'X-Token', value: 'TOKEN', prefix: 'Token ' },
      (headers) => headers['x-token'],
      'Token tok-123',
    ],
    [{ type: 'api_key', name: 'X-Api-Key', key: 'TOKEN' }, (headers) => headers['x-api-key'], 'tok-123'],
    [
      { type: 'api_key', name: 'key', key: 'TOKEN', in: 'query' },
      (_headers, url) => new URL(url, 'http://s').searchParams.get('key'),
      'tok-123',
    ],
  ];
  for (const [auth, read, expected] of schemes) {
    it(`are sent as the manifest says: ${JSON.stringify(auth)}`, async () => {
      await using server = await testServer((_request, response) => sendJson(response, []));
      await pullAll(source(server.origin, auth), 'items');
      assert.equal(read(server.seen[0]!.headers, server.seen[0]!.url), expected);
    });
  }

  it('that the pipeline does not list are refused', () => {
    assert.throws(
      () => source('https://api.example.com', { type: 'bearer', token: 'OTHER' }),
      (error) => isHakiriError(error) && error.code === 'source.config' && !error.message.includes('OTHER'),
    );
  });
});

describe('OAuth client credentials', () => {
  const auth = (origin: string, more = {}) => ({
    type: 'oauth2_client_credentials',
    token_url: `${origin}/token`,
    client_id_secret: 'ID',
    client_secret: 'PASSWORD',
    scopes: ['read', 'list'],
    ...more,
  });
  const tokenServer = (
    expiresIn: number | undefined,
    accepts: (token: string, index: number) => boolean = () => true,
  ) => {
    let issued = 0;
    return testServer((request, response, index) => {
      if (request.url === '/token') {
        issued++;
        sendJson(response, { access_token: `access-${issued}`, expires_in: expiresIn });
      } else if (accepts(request.headers.authorization ?? '', index)) {
        sendJson(
          response,
          Number(query(request).get('page')) < 3 ? [{ id: query(request).get('page') }] : [],
        );
      } else sendJson(response, { message: 'expired' }, {}, 401);
    });
  };
  const paths = (seen: readonly { readonly url: string }[]) => seen.map((request) => request.url);

  it('fetch a token once and use it for every page', async () => {
    await using server = await tokenServer(3600);
    await pullAll(source(server.origin, auth(server.origin), undefined, { type: 'page' }), 'items');
    assert.deepEqual(paths(server.seen), ['/token', '/items?page=1', '/items?page=2', '/items?page=3']);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(server.seen[0]!.body)), {
      grant_type: 'client_credentials',
      scope: 'read list',
      client_id: 'id-123',
      client_secret: 'pass-123',
    });
    assert.equal(server.seen[3]!.headers.authorization, 'Bearer access-1');
  });

  it('fetch a new token when the old one has run out', async () => {
    await using server = await tokenServer(60);
    const context = testContext({ secretValues: SECRETS });
    const items = source(server.origin, auth(server.origin), context);
    await pullAll(items, 'items');
    context.clock.advance(61_000);
    await pullAll(items, 'items');
    assert.equal(paths(server.seen).filter((url) => url === '/token').length, 2);
  });

  it('renew the token once when it is refused early', async () => {
    await using server = await tokenServer(3600, (token) => token !== 'Bearer access-1');
    await pullAll(source(server.origin, auth(server.origin)), 'items');
    assert.deepEqual(paths(server.seen), ['/token', '/items', '/token', '/items']);
  });

  it('give up when the new token is refused too', async () => {
    await using server = await tokenServer(3600, () => false);
    const { error } = await pullUntilError(source(server.origin, auth(server.origin)), 'items');
    assert.ok(isHakiriError(error) && error.code === 'source.auth');
    assert.equal(server.seen.length, 4);
  });

  it('say that the client is refused', async () => {
    await using server = await testServer((_request, response) =>
      sendJson(response, { error: 'invalid_client' }, {}, 400),
    );
    const { error } = await pullUntilError(source(server.origin, auth(server.origin)), 'items');
    assert.ok(isHakiriError(error) && error.code === 'source.auth');
    assert.ok(!error.message.includes('pass-123'));
  });

  it('go into the header where the manifest says so', async () => {
    await using server = await tokenServer(3600);
    await pullAll(source(server.origin, auth(server.origin, { send_in: 'basic' })), 'items');
    assert.equal(
      server.seen[0]!.headers.authorization,
      `Basic ${Buffer.from('id-123:pass-123').toString('base64')}`,
    );
    assert.ok(!server.seen[0]!.body.includes('pass-123'));
  });
});
