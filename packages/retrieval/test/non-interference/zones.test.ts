import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { manifestFacts, policyOf, type SeenTable, seenTable } from '@hakiri/access';
import { attenuateToken, createGatekeeper, issueToken, signingKeyOf } from '@hakiri/access/token';
import {
  type CatalogTable,
  type Grant,
  INCOGNITO_ZONES,
  incognito,
  NO_RESTRICTIONS,
  type QueryRequest,
  type Serve,
} from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';
import { columns, realClock, world } from '../serve/support/world.ts';
import { PSEUDONYMS } from './support/scene.ts';

const MANIFEST = `
[project]
name = "demo"
[[pipeline]]
id = "p"
source = { connector = "file" }
  [[pipeline.tables]]
  source = "patients"
  name = "patients"
  columns.diagnosis = { pii_type = "phi" }
  columns.note = { inference_zone_allowed = ["local:device"] }
  [[pipeline.tables]]
  source = "board"
  name = "board"
  inference_zone_allowed = ["on-prem:*", "local:*"]
  [[pipeline.tables]]
  source = "news"
  name = "news"
`;
const SCHEMAS = {
  patients: columns({ id: 'int64', ward: 'string', diagnosis: 'string', note: 'string' }),
  board: columns({ id: 'int64', text: 'string' }),
  news: columns({ id: 'int64', text: 'string' }),
};
const KEY = signingKeyOf(Buffer.alloc(32, 4));
const gatekeeper = createGatekeeper({
  publicKeys: () => [KEY.publicKey],
  clock: realClock,
  revocations: { isRevoked: () => false },
});
const facts = manifestFacts(readManifest([{ file: 'hakiri.toml', text: MANIFEST }]));
const READ = [{ table: '*', action: 'read' }] as const;

function policies(table: CatalogTable, grant: Grant): SeenTable | undefined {
  const policy = policyOf(facts(table.name), table.schema, grant);
  return policy.kind === 'hidden' ? undefined : seenTable(table, policy, PSEUDONYMS);
}

const tokenIn = (zone: string | undefined): string =>
  issueToken({ agent: 'a', zone, rights: READ }, KEY).token;
const left = (token: string, zones: readonly string[]): string =>
  attenuateToken(token, [{ ...NO_RESTRICTIONS, zones }]).token;
const grantOf = (token: string): Grant => gatekeeper.verify(token).grant;

const ends: (() => unknown)[] = [];
const WHOLE_FILE = { after: (end: () => unknown) => ends.push(end) } as unknown as TestContext;
after(async () => {
  for (const end of ends.reverse()) await end();
});
const there = await world(WHOLE_FILE, SCHEMAS);
await there.run('patients', [{ id: 1, ward: 'east', diagnosis: 'measles', note: 'sleeps' }]);
await there.run('board', [{ id: 1, text: 'a merger' }]);
await there.run('news', [{ id: 1, text: 'rain' }]);
const serve: Serve = await there.reopen({ policies });

const ALL: QueryRequest = { sql: 'select * from patients' };
const namesIn = async (grant: Grant) => (await serve.query(ALL, grant)).columns.map(({ name }) => name);
const tablesIn = async (grant: Grant) => (await serve.tables(grant)).map(({ name }) => name).sort();
const EVERYWHERE = ['local:*', 'on-prem:*', 'private-cloud:*', 'public-cloud:*'];
const REFUSED = { code: 'access.zone_refused' };

test('one question is answered with what may be sent to where its model runs', async () => {
  const seen: Record<string, unknown> = {};
  for (const zone of ['local:device', 'on-prem:rack1', 'public-cloud:x', undefined]) {
    const grant = grantOf(tokenIn(zone));
    seen[zone ?? 'nobody said'] = [await namesIn(grant), await tablesIn(grant)];
  }
  assert.deepEqual(seen, {
    'local:device': [
      ['id', 'ward', 'diagnosis', 'note'],
      ['board', 'news', 'patients'],
    ],
    'on-prem:rack1': [
      ['id', 'ward', 'diagnosis'],
      ['board', 'news', 'patients'],
    ],
    'public-cloud:x': [
      ['id', 'ward'],
      ['news', 'patients'],
    ],
    'nobody said': [
      ['id', 'ward'],
      ['news', 'patients'],
    ],
  });
});

test('an incognito session serves nobody outside the house, whatever is tagged, by any way out', async () => {
  const cloud = incognito(grantOf(tokenIn('public-cloud:x')));
  await assert.rejects(serve.query({ sql: 'select 1' }, cloud), REFUSED);
  await assert.rejects(serve.query({ table: 'news' }, cloud), REFUSED);
  await assert.rejects(serve.tables(cloud), REFUSED);
  await assert.rejects(serve.describe('news', cloud), REFUSED);
  await assert.rejects(serve.get({ table: 'news', keys: [[1]] }, cloud), REFUSED);
  const rows = { sql: 'from news' };
  const output = `${there.root}/out.csv`;
  await assert.rejects(serve.export({ kind: 'rows', rows, format: 'csv', output }, cloud), REFUSED);
  await assert.rejects(serve.tables(incognito(grantOf(tokenIn(undefined)))), REFUSED);
  assert.deepEqual(await tablesIn(incognito(grantOf(tokenIn('on-prem:rack1')))), [
    'board',
    'news',
    'patients',
  ]);
});

test('nothing that is added to a token opens a zone again', async () => {
  const pinned = left(tokenIn('public-cloud:x'), INCOGNITO_ZONES);
  const attempts = [
    pinned,
    left(pinned, ['public-cloud:*']),
    left(pinned, EVERYWHERE),
    left(left(pinned, EVERYWHERE), ['public-cloud:x']),
  ];
  for (const token of attempts) {
    await assert.rejects(serve.query(ALL, grantOf(token)), REFUSED);
    assert.equal(grantOf(token).zone, 'public-cloud:x', 'where the caller is, the issuer said');
  }
  // One that is let in is not served more by naming a zone, either.
  const cloud = left(tokenIn('public-cloud:x'), ['local:device', 'public-cloud:x']);
  assert.deepEqual(await namesIn(grantOf(cloud)), ['id', 'ward']);
  // Of two blocks both hold: together they may leave nothing.
  const nowhere = left(left(tokenIn('on-prem:rack1'), ['on-prem:*']), ['local:*']);
  await assert.rejects(serve.query(ALL, grantOf(nowhere)), REFUSED);
});
