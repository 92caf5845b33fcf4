import assert from 'node:assert/strict';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { type Grant, OWNER_GRANT } from '@hakiri/core';
import { seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { openAuditIndex } from '../../src/audit/index.ts';
import { auditFolder, KEYS, LEAD, NODE, openTestAudit, returned, testClock } from './support.ts';

const ask = (table: string, key: string | number) => ({ table, digests: [KEYS.keyDigest(table, [key])] });

test('who was given a row, apart from who may have counted it in, with everybody it was passed on to', async (t) => {
  const { folder, node } = auditFolder(t);
  const clock = testClock();
  const log = openTestAudit(folder, { clock });
  await log.record(returned('orders', [1, 2], LEAD));
  clock.set('2026-11-21T08:00:00.000Z');
  await log.record(returned('orders', [2, 3]));
  await log.record({
    ...returned('orders', []),
    reads: [{ table: 'orders', how: 'counted', snapshot: 's', predicate: 'total > 5' }],
  });
  await log.record(returned('customers', [2]));
  await log.close();
  const index = openAuditIndex(join(node, '..', 'index.sqlite'), folder);
  t.after(() => index.close());
  index.catchUp();
  const { returned: given, counted } = index.whoRead(ask('orders', 2));
  assert.deepEqual(
    given.by.map(({ firstAt: _, lastAt: __, ...who }) => who),
    [
      { agent: 'owner', requests: 1 },
      {
        agent: 'planner',
        host: 'desk',
        on_behalf_of: 'ada',
        task: 'weekly report',
        delegates: [{ agent: 'reader', task: 'orders' }, { agent: 'summer' }],
        requests: 1,
      },
    ],
  );
  assert.deepEqual(
    given.records.map(({ record }) => record.seq),
    [2, 1],
  );
  assert.deepEqual(
    counted.records.map(({ record }) => record.reads?.[0]?.predicate),
    ['total > 5'],
  );
  const since = index.whoRead({ ...ask('orders', 2), sinceMs: Date.parse('2026-11-21T00:00:00Z') });
  assert.equal(since.returned.requests, 1);
  assert.equal(index.whoRead(ask('orders', 99)).returned.requests, 0);
  assert.deepEqual(
    index.byAgent(0).map(({ agent, requests, rows }) => [agent, requests, rows]),
    [
      ['owner', 3, 3],
      ['planner', 1, 2],
    ],
  );
});

test('a refusal is told of nobody, too', async (t) => {
  const { folder, node } = auditFolder(t);
  const log = openTestAudit(folder);
  await log.record({
    action: 'token_refused',
    grant: undefined,
    outcome: 'refused',
    code: 'token.expired',
    reads: [],
    rows: 0,
  });
  await log.close();
  const index = openAuditIndex(join(node, '..', 'index.sqlite'), folder);
  t.after(() => index.close());
  index.catchUp();
  assert.deepEqual(
    index.byAgent(0).map(({ agent, refused }) => [agent, refused]),
    [[undefined, 1]],
  );
});

test('an index of a newer version is made again from the log', async (t) => {
  const { folder, node } = auditFolder(t);
  const log = openTestAudit(folder);
  await log.record({ action: 'query', grant: OWNER_GRANT, outcome: 'granted', reads: [], rows: 3 });
  await log.close();
  const path = join(node, '..', 'index.sqlite');
  openAuditIndex(path, folder).close();
  const db = new DatabaseSync(path);
  db.exec(`DROP TABLE activity; CREATE TABLE later (id INTEGER PRIMARY KEY AUTOINCREMENT);
    CREATE VIEW activity AS SELECT * FROM later; PRAGMA user_version = 99`);
  db.close();
  const index = openAuditIndex(path, folder);
  t.after(() => index.close());
  index.catchUp();
  assert.deepEqual(
    index.byAgent(0).map(({ agent, rows }) => [agent, rows]),
    [['owner', 3]],
  );
});

test(`the index says what the log says, caught up at any time (HAKIRI_SEED=${TEST_SEED})`, async (t) => {
  const random = seededRandom(TEST_SEED);
  const { folder, node } = auditFolder(t);
  const path = join(node, '..', 'cache', 'index.sqlite');
  let index = openAuditIndex(path, folder);
  t.after(() => index.close());
  const clock = testClock();
  let log = openTestAudit(folder, { clock });
  const agents: readonly Grant[] = [
    OWNER_GRANT,
    LEAD,
    { ...LEAD, principal: { agent: 'other', delegates: [] } },
  ];
  const told = new Map<string, number>();
  const check = (): void => {
    index.catchUp();
    for (let key = 0; key < 40; key++) {
      const {
        returned: { by, requests },
      } = index.whoRead({ ...ask('t', key), limit: random.below(5) });
      assert.equal(
        by.reduce((sum, one) => sum + one.requests, 0),
        requests,
      );
      for (const grant of agents) {
        const { agent } = grant.principal;
        const found = by.find((one) => one.agent === agent)?.requests ?? 0;
        assert.equal(found, told.get(`${agent} ${key}`) ?? 0, `${agent} ${key}`);
      }
    }
  };
  for (let round = 0; round < 6; round++) {
    await Promise.all(
      random.many(100, () => {
        const grant = random.pick(agents);
        const keys = [...new Set(random.many(random.below(6), () => random.below(40)))];
        for (const key of keys) {
          const name = `${grant.principal.agent} ${key}`;
          told.set(name, (told.get(name) ?? 0) + 1);
        }
        return log.record(returned('t', keys, grant));
      }),
    );
    clock.set(`2026-11-${21 + round}T00:00:00.000Z`);
    check();
    if (round === 2) {
      index.close();
      writeFileSync(path, 'no database at all, and longer than its header would be'.repeat(9));
      index = openAuditIndex(path, folder);
      check();
    }
  }
  await log.close();
  // A log that is not the one that was indexed.
  rmSync(node, { recursive: true });
  told.clear();
  log = openTestAudit(folder, { clock });
  await log.record(returned('t', [7]));
  await log.close();
  told.set('owner 7', 1);
  check();
  assert.ok(statSync(path).size > 0);
  assert.equal(index.whoRead(ask('t', 7)).returned.records[0]?.node, NODE);
});
