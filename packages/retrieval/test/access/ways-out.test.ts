import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  type Action,
  AS_OWNER_GRANT,
  type ErrorCode,
  type Grant,
  isHakiriError,
  OWNER_GRANT,
  type QueryRequest,
  type Serve,
} from '@hakiri/core';
import { pages, type World } from '../serve/support/world.ts';
import {
  grantOf,
  NARROW,
  PAY,
  PEOPLE,
  PSEUDONYMS,
  peopled,
  policies,
  served,
  VAULT,
  VISITS,
  WHOLE_FILE,
} from './support/people.ts';

let there: World;
let serve: Serve;
before(async () => {
  there = await peopled(WHOLE_FILE);
  ({ serve } = await served(there));
});

const EUROPEANS = 20;
const ask = (request: QueryRequest, grant: Grant = NARROW) => serve.query(request, grant);

/** What is hidden of the store by value or by name. */
const HIDDEN = /HIDDEN|SECRET|PIN1234|secret|person\d|login\d|"US"|vault/;

const said = (answer: unknown): string => JSON.stringify(answer);

type Asked = Promise<unknown> | (() => Promise<unknown>);

async function refusal(code: ErrorCode, asked: Asked): Promise<string> {
  const error = await (typeof asked === 'function' ? asked() : asked).then(
    (answer) => assert.fail(`was answered: ${said(answer).slice(0, 300)}`),
    (reason: unknown) => reason,
  );
  assert.ok(isHakiriError(error), String(error));
  assert.equal(error.code, code, error.message);
  return `${error.message} ${error.hint} ${said(error.details)}`;
}

test('rows are those of the policy, with columns as it leaves them', async () => {
  const answer = await ask({ table: PEOPLE, orderBy: ['id'], cite: true, explain: true });
  assert.equal(answer.rows.length, EUROPEANS);
  assert.deepEqual(
    answer.columns.map(({ name, type }) => `${name} ${type}`),
    [
      'id BIGINT',
      'region VARCHAR',
      'name VARCHAR',
      'email VARCHAR',
      'phone VARCHAR',
      'salary BIGINT',
      'code VARCHAR',
      'born DATE',
      'acc STRUCT("login" VARCHAR, "level" INTEGER)',
      'updated_at TIMESTAMP WITH TIME ZONE',
    ],
  );
  const [id, region, , email, phone, salary, , , acc] = answer.rows[0] ?? [];
  assert.deepEqual([id, region, salary], [1, 'EU', null]);
  assert.match(`${email}`, /\*/);
  assert.match(`${phone}`, /^h_[0-9a-f]{32}$/);
  assert.match(said(acc), /^\{"login":"t_/);
  assert.doesNotMatch(said(answer), HIDDEN);
  assert.deepEqual(answer.policy, {
    columns: [
      { table: PEOPLE, column: 'email', action: 'mask' },
      { table: PEOPLE, column: 'phone', action: 'hash' },
      { table: PEOPLE, column: 'salary', action: 'redact' },
      { table: PEOPLE, column: 'acc.login', action: 'tokenize' },
    ],
  });
  assert.deepEqual(answer.plan?.steps?.[0], { step: 'read', detail: PEOPLE });
});

test('filters, orders and SQL see columns as they are left', async () => {
  const count = async (filter: string) => (await ask({ table: PEOPLE, filter })).rows.length;
  assert.equal(await count("email = 'person1@example.org'"), 0);
  assert.equal(await count("email = '***'"), EUROPEANS);
  assert.equal(await count('salary is null'), EUROPEANS);
  assert.equal(await count("region = 'US'"), 0);
  await refusal('query.unknown_column', ask({ table: PEOPLE, filter: "secret = 'SECRET1'" }));
  await refusal('query.unknown_column', ask({ table: PEOPLE, orderBy: ['secret'] }));
  await refusal('query.unknown_column', ask({ table: PEOPLE, select: ['_hakiri_run'] }));
  const joined = await ask({
    sql: `SELECT count(*) AS n, count(DISTINCT p.phone) AS phones FROM ${PEOPLE} p JOIN ${VISITS} v ON p.phone = v.phone`,
  });
  assert.ok(Number(joined.rows[0]?.[0]) > 0, 'hashes of equal values are equal');
  for (const text of ['SELECT secret FROM people', 'SELECT _hakiri_seq FROM people']) {
    assert.doesNotMatch(
      await refusal('query.unknown_column', ask({ sql: text })),
      /SECRET|columns are: .*secret/,
    );
  }
});

test('a hidden table is a table that is not there', async () => {
  const told = async (name: string) => [
    await refusal('query.unknown_table', ask({ table: name })),
    await refusal('query.unknown_table', ask({ sql: `SELECT * FROM ${name}` })),
    await refusal('query.unknown_table', serve.describe(name, NARROW)),
    await refusal('query.unknown_table', serve.get({ table: name, keys: [[1]] }, NARROW)),
    await refusal(
      'query.unknown_table',
      serve.export({ kind: 'archive', tables: [name], write: async () => {} }, NARROW),
    ),
    await refusal(
      'query.unknown_table',
      serve.export(
        { kind: 'rows', rows: { table: name }, format: 'csv', output: join(there.root, 'x') },
        NARROW,
      ),
    ),
    await refusal('query.unknown_table', ask({ table: name, asOf: { time: '2999-01-01T00:00:00Z' } })),
  ];
  const hidden = await told(VAULT);
  const missing = await told('voult');
  assert.deepEqual(
    hidden.map((text) => text.replaceAll(VAULT, '?')),
    missing.map((text) => text.replaceAll('voult', '?')),
  );
  assert.deepEqual(
    (await serve.tables(NARROW)).map(({ name }) => name),
    [PAY, PEOPLE, VISITS],
  );
});

test('what counts hidden rows, or tells of files, is not told', async () => {
  const description = await serve.describe(PEOPLE, NARROW);
  assert.equal(description.rows, EUROPEANS);
  const untold = [
    description.storedRows,
    description.parts,
    description.bytes,
    description.snapshot,
    description.runsBeside,
    description.smallWrites,
    description.quarantined,
    description.past,
  ];
  assert.deepEqual(
    untold,
    untold.map(() => undefined),
  );
  assert.deepEqual([description.schemaHistory, description.partitions], [[], []]);
  assert.equal(description.examples.length, 3);
  assert.doesNotMatch(said(description), HIDDEN);
  for (const summary of await serve.tables(NARROW)) {
    assert.deepEqual(Object.keys(JSON.parse(said(summary))), ['name', 'lastCommit']);
  }
  const whole = await serve.describe(PEOPLE, OWNER_GRANT);
  assert.equal(whole.rows, 30);
  assert.ok(whole.storedRows !== undefined && whole.past !== undefined);
});

test('a row that is hidden is as one that is not there', async () => {
  const [seen, hidden, missing] = await serve.get({ table: PEOPLE, keys: [[1], [3], [999]] }, NARROW);
  assert.deepEqual(seen?.values.id, 1);
  assert.equal(seen?.values.salary, null);
  assert.deepEqual(Object.keys(seen?.values ?? {}).includes('secret'), false);
  assert.equal(hidden, undefined);
  assert.equal(missing, undefined);
  await refusal(
    'query.unknown_column',
    serve.get({ table: PEOPLE, keys: [[1]], select: ['secret'] }, NARROW),
  );
  const [short] = await serve.get({ table: PEOPLE, keys: [[1]], select: ['acc.login'] }, NARROW);
  assert.match(String(short?.values['acc.login']), /^t_/);
});

test('rows without a key are told by names that say nothing of the others', async () => {
  const { citations } = await ask({ table: VISITS, cite: true });
  assert.ok(citations?.kind === 'rows');
  const keys = citations.rows.flatMap((row) => row.map(({ key }) => key));
  for (const key of keys) assert.match(said(key), /^\["t_[\w-]+"\]$/);
  assert.equal(new Set(keys.map((key) => String(key[0]).length)).size, 1);
  const [row] = await serve.get({ table: VISITS, keys: [keys[0] ?? []] }, NARROW);
  assert.deepEqual(row?.citation.key, keys[0]);
  const whole = await ask({ table: VISITS, cite: true, filter: "page like '%HIDDEN'" }, OWNER_GRANT);
  assert.ok(whole.citations?.kind === 'rows');
  const raw = whole.citations.rows[0]?.[0]?.key ?? [];
  assert.deepEqual(
    await serve.get({ table: VISITS, keys: [raw, [keys[0]?.[0] ?? '', 1], ['t_AAAA']] }, NARROW),
    [undefined, undefined, undefined],
  );
  const { citations: bySql } = await ask({ sql: `SELECT * FROM ${VISITS}`, cite: true });
  assert.ok(bySql?.kind === 'rows');
  assert.deepEqual(bySql.rows.flatMap((one) => one.map(({ key }) => key)).sort(), [...keys].sort());
});

const keyed = (action: 'hash' | 'tokenize' | 'mask' | 'deny'): Grant =>
  grantOf(
    { [PEOPLE]: ['read'] },
    {
      rows: [{ table: PEOPLE, predicate: "region = 'EU'" }],
      actions: [{ table: PEOPLE, column: 'id', action }],
    },
  );

for (const action of ['hash', 'tokenize'] as const) {
  test(`a key that is served by its ${action} names its row`, async () => {
    const grant = keyed(action);
    for (const request of [
      { table: PEOPLE, cite: true, limit: 4 },
      { table: PEOPLE, cite: true, limit: 4, orderBy: ['region'] },
      { sql: `SELECT * FROM ${PEOPLE} WHERE name <> 'x'`, cite: true, limit: 4 },
    ]) {
      const { rows, citations } = await ask(request, grant);
      assert.ok(citations?.kind === 'rows');
      for (const [i, [citation]] of citations.rows.entries()) {
        assert.deepEqual(citation?.key, [rows[i]?.[0]], said(request));
        assert.match(said(citation?.key), action === 'hash' ? /^\["h_/ : /^\["t_/);
        assert.match(String(citation?.address), /rows/);
        const [got] = await serve.get({ table: PEOPLE, keys: [citation?.key ?? []] }, grant);
        assert.deepEqual(got?.values.name, rows[i]?.[2]);
      }
    }
    const found = await pages((request) => ask(request, grant), {
      table: PEOPLE,
      orderBy: ['region'],
      limit: 3,
    });
    assert.equal(new Set(found.flatMap(({ rows }) => rows.map(([id]) => id))).size, EUROPEANS);
    assert.deepEqual(await serve.get({ table: PEOPLE, keys: [[1], ['h_00']] }, grant), [
      undefined,
      undefined,
    ]);
  });
}

for (const action of ['mask', 'deny'] as const) {
  test(`a key of which the policy leaves a ${action} names no row`, async () => {
    const grant = keyed(action);
    const { citations } = await ask({ table: PEOPLE, select: ['name'], cite: true }, grant);
    assert.ok(citations?.kind === 'rows');
    for (const [citation] of citations.rows) {
      assert.deepEqual(citation?.key, [null]);
      assert.equal(citation?.address, undefined);
    }
    await refusal('access.denied', serve.get({ table: PEOPLE, keys: [[1]] }, grant));
    const found = await pages((request) => ask(request, grant), {
      table: PEOPLE,
      select: ['name'],
      orderBy: ['region'],
      limit: 3,
    });
    assert.equal(new Set(found.flatMap(({ rows }) => rows.map(([name]) => name))).size, EUROPEANS);
    const { primaryKey } = await serve.describe(PEOPLE, grant);
    assert.deepEqual(primaryKey, action === 'deny' ? [] : ['id']);
  });
}

test('when a row was written at its source is told where that column is', async () => {
  const grant = grantOf(
    { [PEOPLE]: ['read'] },
    { actions: [{ table: PEOPLE, column: 'updated_at', action: 'redact' }] },
  );
  const { citations } = await ask({ table: PEOPLE, cite: true, limit: 3 }, grant);
  assert.doesNotMatch(said(citations), /2026-01-01T00:00/);
  const [row] = await serve.get({ table: PEOPLE, keys: [[1]] }, grant);
  assert.doesNotMatch(said(row), /2026-01-01T00:00/);
  assert.match(said(await ask({ table: PEOPLE, cite: true, limit: 3 })), /2026-01-01T00:00/);
});

test('pages fit together, and a continuation tells nothing and outlives no policy', async () => {
  const request = { table: PEOPLE, select: ['id'], orderBy: ['id'], limit: 7 };
  const answers = await pages((asked) => ask(asked), request);
  assert.deepEqual(
    answers.flatMap(({ rows }) => rows.map(([id]) => id)),
    Array.from({ length: 30 }, (_, id) => id).filter((id) => id % 3 !== 0),
  );
  const { next = '' } = answers[0] ?? {};
  assert.doesNotMatch(Buffer.from(next, 'base64url').toString('latin1'), /people|[0-9A-HJKMNP-TV-Z]{26}/);
  const others = [OWNER_GRANT, AS_OWNER_GRANT, keyed('hash')];
  for (const grant of others) await refusal('query.next_invalid', ask({ ...request, next }, grant));
  const changed = await there.reopen({
    pseudonyms: PSEUDONYMS,
    policies: (table, grant) =>
      policies(table, {
        ...grant,
        restrictions: [
          ...grant.restrictions,
          { rows: [{ table: PEOPLE, predicate: 'id > 5' }], columns: [], actions: [], minGroups: [] },
        ],
      }),
  });
  await refusal('query.next_invalid', changed.query({ ...request, next }, NARROW));
  const hiding = await there.reopen({ pseudonyms: PSEUDONYMS, policies: () => undefined });
  await refusal('query.next_invalid', hiding.query({ ...request, next }, NARROW));
});

test('rows are exported as they are seen, and files only by those who see all', async () => {
  const output = join(there.root, 'out.ndjson');
  for (const rows of [{ table: PEOPLE }, { sql: `SELECT * FROM ${PEOPLE}` }]) {
    const done = await serve.export({ kind: 'rows', rows, format: 'ndjson', output }, NARROW);
    assert.equal(done.rows, EUROPEANS);
    assert.doesNotMatch(readFileSync(output, 'utf8'), HIDDEN);
  }
  const write = async () => {};
  await refusal('access.denied', serve.export({ kind: 'archive', write }, NARROW));
  await refusal('access.denied', serve.export({ kind: 'archive', tables: [PEOPLE], write }, NARROW));
  assert.ok((await serve.export({ kind: 'archive', write }, OWNER_GRANT)).files > 0);
  assert.ok((await serve.export({ kind: 'archive', tables: [VAULT], write }, AS_OWNER_GRANT)).files > 0);
});

test('a table of which only aggregates are given gives no row in any way', async () => {
  const output = join(there.root, 'pay.csv');
  const refused = [
    () => ask({ table: PAY }),
    () => ask({ table: PAY, select: ['dept'] }),
    () => ask({ sql: `SELECT * FROM ${PAY}` }),
    () => ask({ sql: `SELECT amount FROM ${PAY} WHERE id = 3`, cite: true }),
    () => serve.get({ table: PAY, keys: [[1]] }, NARROW),
    () => serve.export({ kind: 'rows', rows: { table: PAY }, format: 'csv', output }, NARROW),
    () => serve.export({ kind: 'rows', rows: { sql: `FROM ${PAY}` }, format: 'csv', output }, NARROW),
  ];
  for (const asked of refused) await refusal('access.aggregate_only', asked);
  const sql = `SELECT dept, count(*), avg(amount) FROM ${PAY} GROUP BY dept`;
  const { rows, citations } = await ask({ sql, cite: true });
  assert.deepEqual(rows, [['sea', 8, 103.5]]);
  assert.ok(citations?.kind === 'tables');
  assert.equal(citations.tables[0]?.runs, undefined);
  const done = await serve.export({ kind: 'rows', rows: { sql }, format: 'csv', output }, NARROW);
  assert.equal(done.rows, 1);
  const described = await serve.describe(PAY, NARROW);
  assert.deepEqual([described.rows, described.examples], [12, []]);
  const few = grantOf({ [PAY]: ['aggregate'] }, { minGroups: [{ table: PAY, rows: 20 }] });
  assert.equal((await serve.describe(PAY, few)).rows, undefined);
});

test('rows of a table without a key count by themselves in groups', async () => {
  const grant = grantOf({ [VISITS]: ['read'] }, { minGroups: [{ table: VISITS, rows: 5 }] });
  const { rows } = await ask({ sql: `SELECT page, count(*) FROM ${VISITS} GROUP BY page ORDER BY 1` }, grant);
  assert.deepEqual(rows, []);
  const all = await ask({ sql: `SELECT count(*) FROM ${VISITS}` }, grant);
  assert.deepEqual(all.rows, [[24]]);
});

test('a right that is not to read gives nothing to read', async () => {
  for (const actions of [['write'], ['search'], ['write', 'search']] as readonly (readonly Action[])[]) {
    const grant = grantOf({ [PEOPLE]: actions });
    const refused = [
      () => ask({ table: PEOPLE }, grant),
      () => ask({ sql: `SELECT count(*) FROM ${PEOPLE}` }, grant),
      () => ask({ sql: `SELECT 1 WHERE EXISTS (FROM ${PEOPLE})` }, grant),
      () => serve.get({ table: PEOPLE, keys: [[1]] }, grant),
    ];
    for (const asked of refused) await refusal('access.denied', asked);
    const { rows, examples } = await serve.describe(PEOPLE, grant);
    assert.deepEqual([rows, examples], [undefined, []]);
    assert.deepEqual((await ask({ sql: `SELECT 'people' AS people` }, grant)).rows, [['people']]);
  }
});

test('whoever is not where a block says is refused everything', async () => {
  const grant = grantOf({ '*': ['read'] }, { zones: ['local:*', 'on-prem:*'] }, { zone: 'public-cloud:x' });
  const refused = [
    () => ask({ table: PEOPLE }, grant),
    () => ask({ table: 'nothing' }, grant),
    () => serve.tables(grant),
    () => serve.describe(PEOPLE, grant),
    () => serve.get({ table: PEOPLE, keys: [[1]] }, grant),
    () => serve.export({ kind: 'archive', write: async () => {} }, grant),
  ];
  for (const asked of refused) await refusal('access.zone_refused', asked);
  const inside = { ...grant, zone: 'on-prem:rack1', digest: 'inside' };
  assert.equal((await ask({ table: PEOPLE }, inside)).rows.length, 30);
});

test('the owner passes the manifest by only when it asks to', async () => {
  const strict = await there.reopen({ pseudonyms: PSEUDONYMS, policies: (table) => policies(table, NARROW) });
  assert.equal((await strict.query({ table: PEOPLE }, OWNER_GRANT)).rows.length, EUROPEANS);
  const { rows, policy } = await strict.query({ table: PEOPLE }, AS_OWNER_GRANT);
  assert.equal(rows.length, 30);
  assert.deepEqual(policy, { columns: [] });
});

test('the past is seen through the policy of today', async () => {
  const run = (await ask({ table: PEOPLE, cite: true, limit: 1, orderBy: ['id'] }, OWNER_GRANT)).citations;
  assert.ok(run?.kind === 'rows');
  const asOf = { run: run.rows[0]?.[0]?.run ?? '' };
  const { rows } = await ask({ table: PEOPLE, asOf: asOf as never });
  assert.ok(rows.length > 0 && rows.length < EUROPEANS);
  assert.doesNotMatch(said(rows), HIDDEN);
});
