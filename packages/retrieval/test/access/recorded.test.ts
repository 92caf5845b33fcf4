import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, beforeEach, test } from 'node:test';
import { type AuditEvent, HakiriError, OWNER_GRANT, type Serve } from '@hakiri/core';
import type { World } from '../serve/support/world.ts';
import { grantOf, NARROW, PAY, PEOPLE, peopled, served, VISITS, WHOLE_FILE } from './support/people.ts';

let there: World;
let serve: Serve;
let events: AuditEvent[];
before(async () => {
  there = await peopled(WHOLE_FILE);
  ({ serve, events } = await served(there));
});
beforeEach(() => events.splice(0));

const fails = async (asked: Promise<unknown>): Promise<void> => {
  await assert.rejects(asked);
};

/** The one event since. */
function recorded(): AuditEvent {
  assert.equal(events.length, 1);
  const [event] = events;
  assert.ok(event);
  return event;
}

test('rows that were given are on record by the key that the store knows them by', async () => {
  const asked = [
    { table: PEOPLE, select: ['name', 'acc.login'], filter: 'id < 5', orderBy: ['born'] },
    { sql: `SELECT name, acc.login FROM ${PEOPLE} WHERE id < 5 ORDER BY born` },
  ];
  for (const request of asked) {
    for (const cite of [true, false]) {
      events.splice(0);
      const { rows } = await serve.query({ ...request, cite }, NARROW);
      assert.equal(rows.length, 3);
      const { outcome, action, grant, reads, rows: count } = recorded();
      assert.deepEqual([outcome, action, grant, count], ['granted', 'query', NARROW, 3]);
      assert.deepEqual(
        reads.map(({ table, how, keys }) => [table, how, keys?.map(String).sort()]),
        [[PEOPLE, 'returned', ['1', '2', '4']]],
      );
      assert.deepEqual([...(reads[0]?.columns ?? [])].sort(), ['acc', 'born', 'id', 'name']);
    }
  }
  await serve.query({ sql: `SELECT * FROM ${PEOPLE} LIMIT 2` }, NARROW);
  const [, limited] = events;
  assert.equal(limited?.reads[0]?.keys?.length, 2);
  assert.equal(limited?.reads[0]?.columns, undefined);
});

test('a key that is not served is on record as it is', async () => {
  const grant = grantOf(
    { [PEOPLE]: ['read'] },
    { actions: [{ table: PEOPLE, column: 'id', action: 'redact' }] },
  );
  await serve.query({ table: PEOPLE, filter: "name = 'name 7'" }, grant);
  await serve.query({ sql: `SELECT name FROM ${PEOPLE} WHERE name = 'name 7'` }, grant);
  assert.deepEqual(
    events.map(({ reads }) => reads[0]?.keys),
    [[[7]], [[7]]],
  );
});

test('what was put together of rows is on record by snapshot and predicate', async () => {
  await serve.query({ sql: `SELECT count(*) FROM ${PEOPLE} WHERE born > '1970-01-01'` }, NARROW);
  const [counted, ...others] = recorded().reads;
  assert.equal(others.length, 0);
  assert.deepEqual([counted?.table, counted?.how, counted?.keys], [PEOPLE, 'counted', undefined]);
  assert.match(String(counted?.predicate), /born > '1970-01-01'/);
  assert.ok(counted?.snapshot);
  assert.deepEqual(counted.columns, ['born']);
});

test('a table that only decides which rows there are is on record, one that is merely named is not', async () => {
  const sql = `SELECT name AS ${PAY} FROM ${PEOPLE} SEMI JOIN ${VISITS} ON who = id`;
  await serve.query({ sql }, NARROW);
  assert.deepEqual(
    recorded().reads.map(({ table, how }) => `${table} ${how}`),
    [`${PEOPLE} returned`, `${VISITS} counted`],
  );
});

test('every way out is on record once', async () => {
  const output = join(there.root, 'audited.csv');
  await serve.tables(NARROW);
  await serve.describe(PEOPLE, NARROW);
  await serve.describe(PEOPLE, NARROW);
  await serve.get({ table: PEOPLE, keys: [[1], [3], [4]], select: ['name'] }, NARROW);
  await serve.export({ kind: 'rows', rows: { table: PEOPLE }, format: 'csv', output }, NARROW);
  await serve.export({ kind: 'archive', tables: [PEOPLE], write: async () => {} }, OWNER_GRANT);
  assert.deepEqual(
    events.map(({ action, outcome, rows }) => `${action} ${outcome} ${rows}`),
    [
      'tables granted 3',
      'describe granted 3',
      'describe granted 3',
      'get granted 2',
      'export granted 20',
      'export granted 0',
    ],
  );
  const [, described, again, got, exported, archive] = events.map(({ reads }) => reads);
  const examples = described?.find(({ how }) => how === 'returned');
  assert.equal(examples?.keys?.length, 3);
  assert.deepEqual(again, described, 'what was kept is given once more');
  assert.deepEqual([got?.[0]?.keys, got?.[0]?.columns], [[[1], [4]], ['name']]);
  assert.deepEqual([exported?.[0]?.how, archive?.[0]?.how], ['counted', 'counted']);
});

test('refusals and failures are on record with their code', async () => {
  await fails(serve.query({ table: PAY }, NARROW));
  await fails(serve.query({ table: 'vault' }, NARROW));
  await fails(serve.query({ table: 'nothing at all' }, NARROW));
  await fails(serve.query({ sql: 'SELECT 1 +' }, NARROW));
  await fails(serve.tables(grantOf({ '*': ['read'] }, { zones: ['on-prem:*'] })));
  assert.deepEqual(
    events.map(({ action, outcome, code }) => `${action} ${outcome} ${code}`),
    [
      'query refused access.aggregate_only',
      'query failed query.unknown_table',
      'query failed query.unknown_table',
      'query failed query.invalid',
      'tables refused access.zone_refused',
    ],
  );
});

test('requests that are the same have the same plan on record', async () => {
  await serve.query({ table: PEOPLE, select: ['id'], limit: 2 }, NARROW);
  await serve.query({ limit: 3, select: ['id'], table: PEOPLE }, NARROW);
  await serve.query({ table: PEOPLE, select: ['name'] }, NARROW);
  const [one, same, other] = events.map(({ planHash }) => planHash);
  assert.equal(one, same);
  assert.notEqual(one, other);
});

test('what cannot be put on record is not answered', async () => {
  let isOnDisk = false;
  const { serve: unrecorded } = await served(
    there,
    {},
    {
      record: async () => {
        isOnDisk = existsSync(join(there.root, 'unrecorded.csv'));
        throw new HakiriError('audit.unavailable', 'The disk is full');
      },
    },
  );
  const output = join(there.root, 'unrecorded.csv');
  const asked = [
    () => unrecorded.query({ table: PEOPLE }, NARROW),
    () => unrecorded.query({ sql: 'SELECT 1' }, NARROW),
    () => unrecorded.query({ table: 'vault' }, NARROW),
    () => unrecorded.tables(NARROW),
    () => unrecorded.describe(PEOPLE, NARROW),
    () => unrecorded.get({ table: PEOPLE, keys: [[1]] }, NARROW),
    () => unrecorded.export({ kind: 'rows', rows: { table: PEOPLE }, format: 'csv', output }, NARROW),
  ];
  for (const ask of asked) await assert.rejects(ask(), { code: 'audit.unavailable' });
  let pieces = 0;
  const write = async () => void pieces++;
  await assert.rejects(unrecorded.export({ kind: 'archive', write }, OWNER_GRANT), {
    code: 'audit.unavailable',
  });
  assert.equal(pieces, 0);
  assert.ok(isOnDisk, 'an export is on record once it is written, and told to nobody');
});
