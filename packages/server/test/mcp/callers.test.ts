import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  type Action,
  type Attenuation,
  type Grant,
  HakiriError,
  INCOGNITO_ZONES,
  NO_RESTRICTIONS,
  type Restrictions,
} from '@hakiri/core';
import type { Client } from '@modelcontextprotocol/client';
import { createDoors, createMcp, type ServerServices } from '../../src/index.ts';
import { recordingAudit } from '../support/audit.ts';
import { connectHttp, connectStdio, ownerDoor, TOKEN } from '../support/connect.ts';
import { fakeGatekeeper, fakeServices } from '../support/fake-services.ts';

const rights = (...of: readonly (readonly [string, Action])[]): Pick<Grant, 'rights'> => ({
  rights: of.map(([table, action]) => ({ table, action })),
});
const leftTo = (...blocks: readonly Partial<Restrictions>[]): Pick<Grant, 'restrictions'> => ({
  restrictions: blocks.map((block) => ({ ...NO_RESTRICTIONS, ...block })),
});

async function withGrant(
  t: TestContext,
  grant: Partial<Grant>,
  overrides: Partial<ServerServices> = {},
): Promise<Client> {
  const services = fakeServices(undefined, { gatekeeper: fakeGatekeeper({ own: grant }), ...overrides });
  const door = createDoors(services).connection({ kind: 'token', token: 'own' });
  return connectStdio(t, 'modern', createMcp(services), door);
}

const call = async (client: Client, name: string, args: Record<string, unknown> = {}) => {
  const { isError, structuredContent } = await client.callTool({ name, arguments: args });
  const { error } = structuredContent as { error?: { code: string } };
  return isError === true ? error?.code : (structuredContent as Record<string, unknown>);
};

describe('only what the grant is good for is listed', () => {
  const ALWAYS = ['context_tables', 'context_describe', 'token_attenuate', 'session_incognito'];
  const READS = ['context_query', 'context_get', 'pipeline_list'];
  const cases: readonly (readonly [string, Partial<Grant>, readonly string[]])[] = [
    ['nothing', rights(), []],
    ['rows of a table', rights(['notes', 'read']), READS],
    ['aggregates', rights(['notes', 'aggregate']), ['context_query', 'pipeline_list']],
    ['writing memories', rights(['memory_a', 'write']), ['memory_write', 'memory_forget']],
    ['writing a table that is none of memories', rights(['notes', 'write']), []],
    ['reading memories', rights(['memory_a', 'read']), [...READS, 'memory_search']],
    ['running', rights(['notes', 'run']), ['pipeline_list', 'pipeline_run']],
    ['everything, left to a table', leftTo({ tables: ['notes', 'other'] }, { tables: ['notes'] }), READS],
    ['everything, left to no table', leftTo({ tables: ['other'] }, { tables: ['notes'] }), []],
  ];
  for (const [name, grant, more] of cases) {
    test(name, async (t) => {
      const client = await withGrant(t, grant);
      const { tools } = await client.listTools();
      assert.deepEqual(new Set(tools.map((tool) => tool.name)), new Set([...ALWAYS, ...more]));
    });
  }

  test('and a client keeps the list for its own use alone', async (t) => {
    const client = await withGrant(t, {});
    const listed = await client.request({ method: 'tools/list', params: {} });
    assert.equal((listed as { cacheScope?: string }).cacheScope, 'private');
  });
});

describe('pipelines', async () => {
  const { serve, pipelines } = fakeServices();
  const [notes] = await pipelines.list();
  const others = ['secret', 'feeder'].map((id) => ({
    ...notes!,
    id,
    tables: id === 'feeder' ? ['notes', 'hidden'] : ['hidden'],
  }));
  const ran = { job: 'j', state: 'partial_failure' as const };
  const table = { rows: 3, setAside: 1, runs: ['r'], error: { code: 'source.network', message: 'GET x' } };
  const services = (isWhole = true): Partial<ServerServices> => ({
    // As the read path tells it: what is hidden is not there, and nothing is counted of what is not seen whole.
    serve: {
      ...serve,
      tables: async (grant) =>
        (await serve.tables(grant)).map(({ storedRows, ...summary }) =>
          isWhole ? { ...summary, storedRows } : (summary as Awaited<ReturnType<typeof serve.tables>>[0]),
        ),
    },
    pipelines: {
      list: async () => [notes!, ...others],
      run: async (_id, { progress }) => {
        progress?.({ rows: 7, message: 'hidden: 7 rows' });
        return { ...ran, tables: ['notes', 'hidden'].map((name) => ({ ...table, table: name })) };
      },
    },
  });

  test('are listed where they may be run, or feed what is seen; of their tables those that are seen', async (t) => {
    const listed = async (grant: Partial<Grant>) => {
      const client = await withGrant(t, grant, services());
      const { pipelines: found } = (await call(client, 'pipeline_list')) as { pipelines: object[] };
      return found.map((one) => {
        const { id, tables } = one as { id: string; tables: string[] };
        return [id, ...tables].join(' ');
      });
    };
    assert.deepEqual(await listed(rights(['notes', 'read'])), ['notes notes', 'feeder notes']);
    assert.deepEqual(await listed(rights(['notes', 'read'], ['secret', 'run'])), [
      'notes notes',
      'secret',
      'feeder notes',
    ]);
    assert.deepEqual(await listed({}), ['notes notes', 'secret hidden', 'feeder notes hidden']);
  });

  test('run where that is allowed, and nowhere else', async (t) => {
    const audit = recordingAudit();
    const client = await withGrant(t, rights(['notes', 'read'], ['feeder', 'run']), { ...services(), audit });
    assert.equal(await call(client, 'pipeline_run', { id: 'notes' }), 'access.denied');
    assert.equal(await call(client, 'pipeline_run', { id: 'there is none' }), 'access.denied');
    assert.deepEqual(await call(client, 'pipeline_run', { id: 'feeder' }), {
      ...ran,
      tables: [{ table: 'notes', rows: 3, set_aside: 1, runs: ['r'], error: table.error }],
    });
    assert.deepEqual(
      audit.events.map(({ action, outcome, target, grant }) => [action, outcome, target, grant?.via]),
      [
        ['pipeline_run', 'refused', 'notes', 'mcp-stdio'],
        ['pipeline_run', 'refused', 'there is none', 'mcp-stdio'],
        ['pipeline_run', 'granted', 'feeder', 'mcp-stdio'],
      ],
    );
    const restricted = await withGrant(t, leftTo({ tables: ['notes'] }), services());
    assert.equal(await call(restricted, 'pipeline_run', { id: 'feeder' }), 'access.denied');
    const away = await withGrant(
      t,
      { ...leftTo({ zones: ['on-prem:*'] }), zone: 'local:device' },
      services(),
    );
    assert.equal(await call(away, 'pipeline_run', { id: 'feeder' }), 'access.zone_refused');
  });

  test('tell nothing that counts rows which the caller may not see', async (t) => {
    const client = await withGrant(t, rights(['notes', 'read'], ['*', 'run']), services(false));
    const said: string[] = [];
    const { structuredContent } = await client.callTool(
      { name: 'pipeline_run', arguments: { id: 'feeder' } },
      { onprogress: ({ message = '' }) => said.push(message) },
    );
    assert.deepEqual(structuredContent, {
      ...ran,
      tables: [{ table: 'notes', runs: [], error: { code: 'source.network', message: 'It failed.' } }],
    });
    assert.deepEqual(said, ['The pipeline runs.']);
    const [run] = (await client.readResource({ uri: 'hakiri://demo/runs/01K0000000000000000000000A' }))
      .contents;
    assert.ok(run !== undefined && 'text' in run);
    assert.equal(JSON.parse(run.text).run.rows, undefined);
  });

  test('a run of a table that is not seen has no address', async (t) => {
    const audit = recordingAudit();
    const none = { ...serve, tables: async () => [] };
    const client = await withGrant(t, rights(['x', 'read']), { serve: none, audit });
    const uri = 'hakiri://demo/runs/01K0000000000000000000000A';
    await assert.rejects(client.readResource({ uri }), /not found/i);
    assert.deepEqual(
      audit.events.map(({ action }) => action),
      ['run_read'],
    );
  });
});

describe('an incognito session', () => {
  const cloud = { zone: 'public-cloud:x' };
  const seenBy = (overrides: Partial<ServerServices> = {}) => {
    const zones: unknown[] = [];
    const { serve } = fakeServices();
    const services = fakeServices(undefined, {
      gatekeeper: fakeGatekeeper({ cloud }),
      serve: {
        ...serve,
        async tables(grant) {
          zones.push([grant.digest, grant.restrictions.map((block) => block.zones)]);
          return serve.tables(grant);
        },
      },
      ...overrides,
    });
    return { services, zones };
  };
  const PINNED = [INCOGNITO_ZONES];

  test('is the connection, over standard input and output', async (t) => {
    const audit = recordingAudit();
    const { services, zones } = seenBy({ audit });
    const doors = createDoors(services);
    const [pinned, other] = await Promise.all(
      [1, 2].map(() => connectStdio(t, 'modern', createMcp(services), ownerDoor(doors))),
    );
    for (let i = 0; i < 2; i++) await call(pinned!, 'session_incognito');
    await call(pinned!, 'context_tables');
    await call(other!, 'context_tables');
    assert.deepEqual(zones, [
      ['owner+incognito', PINNED],
      ['owner', []],
    ]);
    assert.deepEqual(
      audit.events.map(({ action }) => action),
      ['session_incognito', 'session_incognito'],
    );
  });

  for (const era of ['legacy', 'modern'] as const) {
    test(`is the token and whatever is made of it, over HTTP, ${era} era`, async (t) => {
      const { services, zones } = seenBy();
      const doors = createDoors(services);
      const connect = (token: string) => connectHttp(t, era, createMcp(services), { doors }, token);
      const client = await connect(`${TOKEN}~a`);
      await call(client, 'session_incognito');
      for (const token of [`${TOKEN}~a`, `${TOKEN}~a~b`, TOKEN, `${TOKEN}~b`]) {
        zones.length = 0;
        await call(await connect(token), 'context_tables');
        assert.equal(JSON.stringify(zones).includes('incognito'), token.includes('~a'), token);
      }
      // The session that asked for it goes on, narrower.
      zones.length = 0;
      await call(client, 'context_tables');
      assert.match(JSON.stringify(zones), /\+incognito/);
    });
  }

  test('is everybody where the server was started so, and none widens', async (t) => {
    const { services, zones } = seenBy();
    const doors = createDoors({ ...services, incognito: true });
    const client = await connectHttp(t, 'modern', createMcp(services), { doors }, 'cloud');
    await call(client, 'context_tables');
    assert.match(JSON.stringify(zones), /\+incognito/);
    assert.equal(await call(client, 'pipeline_list'), 'access.zone_refused');
    const connection = doors.connection({ kind: 'owner' }, { incognito: false });
    assert.equal((await connection()).isIncognito, true);
  });
});

describe('a token is passed on', () => {
  const attenuating = () => {
    const asked: (readonly [string, readonly Attenuation[]])[] = [];
    const attenuator = {
      async attenuate(token: string, blocks: readonly Attenuation[]) {
        asked.push([token, blocks]);
        return { token: `${token}~less`, expiresAtMs: Date.UTC(2026, 10, 1) };
      },
    };
    return { asked, attenuator };
  };

  test('with the restrictions that were asked for, and to whom', async (t) => {
    const { asked, attenuator } = attenuating();
    const audit = recordingAudit();
    const clock = { ...fakeServices().clock, nowMs: () => 1000 };
    const client = await withGrant(t, {}, { attenuator, audit, clock });
    const given = {
      tables: ['notes'],
      rows: [{ table: 'notes', filter: 'id > 1' }],
      columns: [{ table: 'notes', names: ['id', 'title'] }],
      actions: [{ table: 'notes', column: 'title', action: 'mask' }],
      min_groups: [{ table: 'notes', rows: 5 }],
      zones: ['on-prem:*'],
      ttl: '1h',
      delegate: { agent: 'reader', task: 'look it up' },
    };
    assert.deepEqual(await call(client, 'token_attenuate', given), {
      token: 'own~less',
      expires: '2026-11-01T00:00:00.000Z',
    });
    assert.deepEqual(asked, [
      [
        'own',
        [
          {
            tables: ['notes'],
            rows: [{ table: 'notes', predicate: 'id > 1' }],
            columns: given.columns,
            actions: given.actions,
            minGroups: given.min_groups,
            zones: ['on-prem:*'],
            expiresAtMs: 3_601_000,
            delegate: given.delegate,
          },
        ],
      ],
    ]);
    assert.deepEqual(
      audit.events.map(({ action, target }) => [action, target]),
      [['token_attenuate', 'reader']],
    );
    assert.ok(!JSON.stringify(audit.events).includes('own~less'));
  });

  test('incognito stays with it, as a block of its own, once', async (t) => {
    const { asked, attenuator } = attenuating();
    const client = await withGrant(t, {}, { attenuator });
    await call(client, 'session_incognito');
    await call(client, 'token_attenuate', { zones: ['public-cloud:*'] });
    assert.deepEqual(
      asked[0]?.[1].map(({ zones }) => zones),
      [INCOGNITO_ZONES, ['public-cloud:*']],
    );
    const already = await withGrant(t, leftTo({ zones: ['local:device'] }), { attenuator });
    await call(already, 'session_incognito');
    await call(already, 'token_attenuate', { ttl: '1m' });
    assert.equal(asked[1]?.[1].length, 1);
  });

  test('where that would widen it, or it cannot be recorded, there is none', async (t) => {
    const attenuate = () => Promise.reject(new HakiriError('token.widens', 'It has no such right'));
    const widening = await withGrant(t, {}, { attenuator: { attenuate } });
    assert.equal(await call(widening, 'token_attenuate', { tables: ['x'] }), 'token.widens');
    assert.equal(await call(widening, 'token_attenuate', { ttl: '99999999d' }), 'usage.argument');
    assert.equal(await call(widening, 'token_attenuate', { rights: ['x'] }), 'usage.argument');
    const audit = recordingAudit();
    audit.fail = true;
    const unrecorded = await withGrant(t, {}, { audit });
    assert.equal(await call(unrecorded, 'token_attenuate'), 'audit.unavailable');
  });

  test('only where there is one: the owner has none to pass on', async (t) => {
    const client = await connectStdio(t, 'modern', createMcp(fakeServices()));
    const { tools } = await client.listTools();
    assert.ok(tools.every(({ name }) => name !== 'token_attenuate'));
    assert.equal(await call(client, 'token_attenuate'), 'token.missing');
  });
});

test('a token is asked for at each request of a connection', async (t) => {
  let isRevoked = false;
  const gatekeeper = {
    async authenticate() {
      if (isRevoked) throw new HakiriError('token.revoked', 'The token was revoked');
      return fakeGatekeeper().authenticate({ token: TOKEN });
    },
  };
  const client = await withGrant(t, {}, { gatekeeper });
  assert.ok((await call(client, 'context_tables')) instanceof Object);
  isRevoked = true;
  assert.equal(await call(client, 'context_tables'), 'token.revoked');
  for (const asked of [client.listTools(), client.listResources(), client.listResourceTemplates()]) {
    await assert.rejects(asked, /revoked/);
  }
});
