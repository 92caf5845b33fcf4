import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { createEgressGuard, type ResolvedAddress, whyRefused } from '../../src/toolkit/egress-guard.ts';
import { createTransport } from '../../src/toolkit/transport.ts';
import { sendJson, testServer } from '../support/test-server.ts';

const refuses = (action: () => unknown) =>
  assert.throws(action, (error) => isHakiriError(error) && error.code === 'source.host_refused');

describe('the egress guard', () => {
  const REFUSED = [
    '127.0.0.1',
    '127.255.0.1',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1', // local and private
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    'fd00:ec2::254', // metadata
    '100.64.0.1',
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '239.1.1.1',
    '240.0.0.1',
    '255.255.255.255', // special
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '198.18.0.1',
    '192.88.99.1', // documentation, benchmarks
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12::1',
    'fec0::1',
    'ff02::1', // IPv6
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '::7f00:1', // mapped
    '64:ff9b::127.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b:1::808:808',
    '2002:7f00:1::',
    '2002:a00:1::1', // embedded
    '2001:0:1::1',
    '100::1',
    '2001:db8::1',
    '3fff::1',
    '5f00::1',
    '4000::1', // reserved
    'not an address',
  ];
  for (const address of REFUSED) {
    it(`refuses ${address}`, () => assert.ok(whyRefused(address)));
  }

  it('lets public addresses pass, also those that embed one', () => {
    for (const address of [
      '8.8.8.8',
      '140.82.112.6',
      '2606:4700::1111',
      '64:ff9b::808:808',
      '::ffff:8.8.8.8',
      '2002:808:808::1',
    ]) {
      assert.equal(whyRefused(address), undefined, address);
    }
  });

  it('sees through every spelling of an address', () => {
    const guard = createEgressGuard({ allowHosts: [] });
    const spellings = [
      'http://127.0.0.1/',
      'http://127.1/',
      'http://2130706433/',
      'http://0x7f000001/',
      'http://0x7f.1/',
      'http://0177.0.0.1/',
      'http://017700000001/',
      'http://127.0.0.1./',
      'http://①②⑦.⓪.⓪.①/',
      'http://0/',
      'http://[::1]/',
      'http://[0:0:0:0:0:0:0:1]/',
      'http://[::FFFF:7F00:1]/',
      'http://[::ffff:127.0.0.1]:80/',
      'http://example.com@127.0.0.1/',
      'http://127.0.0.1#@example.com/',
      'http://127.0.0.1\\@example.com/',
    ];
    for (const spelling of spellings) refuses(() => guard.checkUrl(new URL(spelling)));
  });

  it('refuses schemes and addresses with a user in them', () => {
    const guard = createEgressGuard({ allowHosts: ['example.com'] });
    for (const url of [
      'ftp://example.com/',
      'file:///etc/passwd',
      'data:text/plain,x',
      'https://me:pw@example.com/',
    ]) {
      refuses(() => guard.checkUrl(new URL(url)));
    }
    guard.checkUrl(new URL('https://example.com/'));
  });

  it('lets a host pass that the manifest names, however it is written, on that port only', () => {
    const guard = createEgressGuard({
      allowHosts: ['127.0.0.1:8080', 'LocalHost.', '[::1]:9000', '10.0.0.7'],
    });
    for (const url of [
      'http://127.0.0.1:8080/',
      'http://0x7f.1:8080/',
      'http://localhost:1/',
      'http://[::1]:9000/',
      'http://10.0.0.7/',
    ]) {
      assert.ok(guard.allows(new URL(url)), url);
    }
    for (const url of [
      'http://127.0.0.1/',
      'http://127.0.0.1:8081/',
      'http://[::1]:9001/',
      'http://10.0.0.8/',
      'http://notlocalhost/',
    ]) {
      assert.ok(!guard.allows(new URL(url)), url);
    }
  });
});

describe('a connection', () => {
  const get = (url: string, guard: ReturnType<typeof createEgressGuard>) => {
    const transport = createTransport(guard);
    return transport
      .send({ method: 'GET', url: new URL(url), headers: {}, signal: new AbortController().signal })
      .finally(() => transport.close());
  };
  const answers = (...lists: readonly ResolvedAddress[][]) => {
    let calls = 0;
    const resolve = async () => lists[Math.min(calls++, lists.length - 1)]!;
    return { resolve, calls: () => calls };
  };
  const local = [{ address: '127.0.0.1', family: 4 }];
  const isRefused = (error: unknown) => isHakiriError(error) && error.code === 'source.host_refused';

  it('to a name that leads to a private address is refused', async () => {
    await using server = await testServer((_request, response) => sendJson(response, []));
    const { port } = new URL(server.origin);
    for (const name of ['rebind.example', 'REBIND.example.', 'a.b']) {
      const guard = createEgressGuard({ allowHosts: [], resolve: answers(local).resolve });
      await assert.rejects(get(`http://${name}:${port}/`, guard), isRefused);
    }
    assert.equal(server.seen.length, 0);
  });

  it('is refused when only one of several addresses is private', async () => {
    const { resolve } = answers([{ address: '93.184.215.14', family: 4 }, ...local]);
    await assert.rejects(
      get('http://mixed.example/', createEgressGuard({ allowHosts: [], resolve })),
      isRefused,
    );
  });

  it('resolves a name once, so that a second answer is never asked for', async () => {
    await using server = await testServer((_request, response) => sendJson(response, []));
    const { port } = new URL(server.origin);
    const names = answers(local, [{ address: '10.9.9.9', family: 4 }]);
    const guard = createEgressGuard({ allowHosts: ['named.example'], resolve: names.resolve });
    assert.equal((await get(`http://named.example:${port}/`, guard)).status, 200);
    assert.equal(names.calls(), 1);
    assert.equal(server.seen[0]?.headers.host, `named.example:${port}`);
  });
});
