import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { AuditEvent, Grant, JsonValue, Memory } from '@hakiri/core';
import { createMemory } from '@hakiri/retrieval/memory';
import { openWritableStore } from '@hakiri/store';
import { type World, world } from '../serve/support/world.ts';
import { grantOf, policies, served, WHOLE_FILE } from './support/people.ts';

const TABLE = 'memory_team';
const namespace = 'team';
const WRITER = grantOf({ [TABLE]: ['read', 'search', 'write'] });

let there: World;
let memory: Memory;
let events: AuditEvent[];
const erased: JsonValue[] = [];
before(async () => {
  there = await world(WHOLE_FILE);
  const audited = await served(there);
  ({ events } = audited);
  let made = 0;
  memory = createMemory({
    serve: audited.serve,
    clock: there.options.clock,
    newId: () => `id${String(++made).padStart(4, '0')}`,
    async withWriter(use) {
      const store = await openWritableStore(there.options, { command: 'test', waitMs: 0 });
      return use(store).finally(() => store.close());
    },
    erase: async (_table, keys) => {
      erased.push(...keys.flat());
      return ['digest'];
    },
    seen: async (table, grant) => policies(table, grant),
    audit: { record: async (event) => void events.push(event), close: async () => {} },
  });
});

const remember = async (text: string, subject: string): Promise<string> => {
  const { ids } = await memory.write({ namespace, items: [{ text, subject }] }, WRITER);
  return ids[0] ?? '';
};

const found = async (grant: Grant) =>
  (await memory.search({ namespace }, grant)).items.map(({ text }) => text).sort();

test('whoever may not write writes nothing, whether there is such a memory or not', async () => {
  const grants = [
    grantOf({ [TABLE]: ['read', 'search'] }),
    grantOf({ '*': ['read'] }),
    grantOf({ people: ['write'] }),
    grantOf({ '*': ['write'] }, { tables: ['people'] }),
  ];
  for (const grant of grants) {
    await assert.rejects(memory.write({ namespace, items: [{ text: 'x' }] }, grant), {
      code: 'access.denied',
    });
    await assert.rejects(memory.forget({ namespace, ids: ['x'] }, grant), { code: 'access.denied' });
    await assert.rejects(memory.forget({ namespace, ids: ['x'], erase: true }, grant), {
      code: 'access.denied',
    });
  }
  await assert.rejects(
    memory.write(
      { namespace, items: [{ text: 'x' }] },
      grantOf({ [TABLE]: ['write'] }, { zones: ['on-prem:*'] }),
    ),
    { code: 'access.zone_refused' },
  );
  assert.deepEqual(await found(WRITER), []);
});

test('what a grant does not see is not there to be read, replaced or forgotten', async () => {
  const mine = await remember('of ada', 'ada');
  const other = await remember('of bob', 'bob');
  const grant = grantOf(
    { [TABLE]: ['read', 'search', 'write'] },
    { rows: [{ table: TABLE, predicate: "subject = 'ada'" }] },
  );
  assert.deepEqual(await found(grant), ['of ada']);
  assert.deepEqual(await found(grantOf({ people: ['read'] })), []);
  const replacing = (supersedes: string) =>
    memory.write({ namespace, items: [{ text: 'new', subject: 'ada', supersedes }] }, grant).then(
      () => 'written',
      ({ message, hint }: { message: string; hint: string }) => `${message} ${hint}`.replace(supersedes, '?'),
    );
  assert.equal(await replacing(other), await replacing('id9999'));
  assert.deepEqual((await memory.forget({ namespace, ids: [other, 'id9999'] }, grant)).forgotten, []);
  assert.deepEqual((await memory.forget({ namespace, subject: 'bob' }, grant)).forgotten, []);
  await memory.forget({ namespace, ids: [other, mine], erase: true }, grant);
  assert.deepEqual(erased.splice(0), [mine], 'nothing is erased that is not seen');
  const blind = grantOf({ [TABLE]: ['write'] });
  assert.deepEqual((await memory.forget({ namespace, ids: [mine] }, blind)).forgotten, []);
  assert.deepEqual((await memory.forget({ namespace, ids: [mine] }, grant)).forgotten, [mine]);
  await memory.forget({ namespace, ids: [mine, other], erase: true }, WRITER);
  assert.deepEqual(erased.splice(0), [mine, other]);
  assert.deepEqual(await found(WRITER), ['of bob']);
});

test('columns of memory are those that are left', async () => {
  await remember('a secret', 'cleo');
  const grant = grantOf(
    { [TABLE]: ['read'] },
    {
      actions: [
        { table: TABLE, column: 'subject', action: 'hash' },
        { table: TABLE, column: 'metadata', action: 'deny' },
        { table: TABLE, column: 'text', action: 'mask' },
      ],
    },
  );
  const { items } = await memory.search({ namespace }, grant);
  for (const item of items) {
    assert.match(String(item.subject), /^h_/);
    assert.equal(item.text, '***');
    assert.equal(item.metadata, null);
  }
  assert.ok(items.length > 0);
});

test('what is written and forgotten is on record, without what it says', async () => {
  events.splice(0);
  const id = await remember('very private', 'dora');
  await memory.forget({ namespace, ids: [id] }, WRITER);
  await assert.rejects(memory.write({ namespace, items: [{ text: 'x' }] }, grantOf({})));
  assert.deepEqual(
    events.map(({ action, outcome, target, rows, code }) => [action, outcome, target, rows, code]),
    [
      ['memory_write', 'granted', TABLE, 1, undefined],
      ['memory_forget', 'granted', TABLE, 1, undefined],
      ['memory_write', 'refused', TABLE, 0, 'access.denied'],
    ],
  );
  assert.deepEqual(events[1]?.reads, [{ table: TABLE, how: 'returned', keys: [[id]] }]);
  assert.doesNotMatch(JSON.stringify(events), /private|dora/);
});
