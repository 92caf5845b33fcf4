import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import {
  type Answer,
  type Embedder,
  type ErrorCode,
  type Grant,
  isHakiriError,
  OWNER_GRANT,
  type SearchMode,
} from '@hakiri/core';
import { hashingEmbedder } from '../../src/embed/index.ts';
import { type Values, type World, world } from '../serve/support/world.ts';
import { COLUMNS, grantWith, NO_MAIL, policies, SPECS, TICKETS } from './support/tickets.ts';

const ticket = (id: number, parts: Values = {}): Values => ({
  id: `k${id}`,
  title: `lantern ${id}`,
  body: `the harbour of ada${id}@example.org in winter`,
  team: `t${id % 2}`,
  mail: `ada${id}@example.org`,
  size: id,
  ...parts,
});

const fails =
  (code: ErrorCode, says = /./) =>
  (error: unknown) =>
    isHakiriError(error) && error.code === code && says.test(`${error.message} ${error.hint}`);

const ids = ({ rows }: Answer): readonly string[] => rows.map(([id]) => String(id)).toSorted();
const search = (text: string, mode: SearchMode = 'keyword') => ({
  table: TICKETS,
  select: ['id'],
  search: { text, mode, k: 50 },
});

test('searches of those who may not do everything', async (t) => {
  let zone = 'local:device';
  let embedded = 0;
  const own = hashingEmbedder();
  const embedder: Embedder = {
    get model() {
      return { ...own.model, zone };
    },
    embed(texts, options) {
      embedded++;
      return own.embed(texts, options);
    },
    close: async () => {},
  };
  const there = await world(t, { [TICKETS]: COLUMNS }, { specs: { [TICKETS]: SPECS }, embedder });
  await there.run(
    TICKETS,
    Array.from({ length: 20 }, (_, id) => ticket(id)),
  );
  const serve = await there.reopen({ policies });
  const right = (action: 'read' | 'search' | 'aggregate') => ({ table: TICKETS, action });

  await t.test('without the right to search nothing is searched for', async () => {
    const grant = grantWith({}, { rights: [right('read')] });
    await assert.rejects(serve.query(search('lantern'), grant), fails('access.denied'));
    const sql = { sql: 'from hits', search: { hits: { table: TICKETS, text: 'lantern' } } };
    await assert.rejects(serve.query(sql, grant), fails('access.denied'));
  });

  await t.test('what a search finds is rows, and needs the right to read', async () => {
    const grant = grantWith({}, { rights: [right('search')] });
    await assert.rejects(serve.query(search('lantern'), grant), fails('access.denied'));
    const sql = { sql: 'select count(*) from hits', search: { hits: { table: TICKETS, text: 'lantern' } } };
    await assert.rejects(serve.query(sql, grant), fails('access.denied'));
  });

  await t.test('of a table that gives aggregates only, hits are counted, and no row is told', async () => {
    const grant = grantWith({}, { rights: [right('search'), right('aggregate')] });
    const hits = { table: TICKETS, text: 'lantern', k: 50 };
    await assert.rejects(serve.query(search('lantern'), grant), fails('access.aggregate_only'));
    const ask = (sql: string, k = 50) =>
      serve.query({ sql, search: { hits: { ...hits, k } }, explain: true }, grant);
    await assert.rejects(ask('select id, _rank from hits'), fails('access.aggregate_only'));
    const { rows, plan } = await ask('select count(*) from hits');
    assert.deepEqual(rows, [[20]]);
    const told = plan?.steps?.find(({ step }) => step === 'search hits');
    assert.deepEqual(told, { step: 'search hits', detail: TICKETS });
    assert.deepEqual((await ask('select count(*) from hits', 4)).rows, [], 'a group of four');
  });

  await t.test('rows whose key is hidden are found, and not named in SQL', async () => {
    const grant = grantWith({ actions: [{ table: TICKETS, column: 'id', action: 'redact' }] });
    const { rows } = await serve.query({ ...search('lantern'), select: ['title'] }, grant);
    assert.equal(rows.length, 20);
    const sql = { sql: 'from hits', search: { hits: { table: TICKETS, text: 'lantern' } } };
    await assert.rejects(serve.query(sql, grant), fails('access.denied', /key/));
  });

  await t.test('a question goes to no model that the caller is kept from', async () => {
    zone = 'public-cloud:somewhere';
    const grant = grantWith({ zones: ['local:*', 'on-prem:*'] });
    const before = embedded;
    for (const mode of ['vector', 'hybrid', undefined] as const) {
      const request = { table: TICKETS, search: { text: 'winter harbour', ...(mode && { mode }) } };
      const refused = fails('access.zone_refused', /public-cloud:somewhere.*keyword/s);
      await assert.rejects(serve.query(request, grant), refused);
    }
    assert.equal(embedded, before);
    assert.ok((await serve.query(search('winter harbour'), grant)).rows.length > 0);
    await serve.query(search('winter harbour', 'vector'), OWNER_GRANT);
    const known = serve.query(search('winter harbour', 'vector'), grant);
    await assert.rejects(known, fails('access.zone_refused'), 'also where somebody asked the same before');
    zone = 'local:device';
    assert.ok((await serve.query(search('winter harbour', 'hybrid'), grant)).rows.length > 0);
  });
});

test('rows without a key are found; neither they nor their number are told by run and sequence', async (t) => {
  const there = await world(t, { [TICKETS]: COLUMNS }, { specs: { [TICKETS]: SPECS } });
  const rows = Array.from({ length: 10 }, (_, id) => ticket(id));
  await there.run(TICKETS, rows, { mode: 'append', primaryKey: [] });
  const serve = await there.reopen({ policies });
  const grant = grantWith({ rows: [{ table: TICKETS, predicate: "team = 't1'" }] });
  const answer = await serve.query({ ...search('lantern'), cite: true }, grant);
  assert.deepEqual(ids(answer), ['k1', 'k3', 'k5', 'k7', 'k9']);
  assert.ok(answer.citations?.kind === 'rows');
  for (const [citation] of answer.citations.rows) assert.deepEqual(citation?.key, []);
  await assert.rejects(
    serve.query({ ...search('lantern'), select: ['_hakiri_seq'] }, grant),
    fails('query.unknown_column'),
  );
  const sql = { sql: 'from hits', search: { hits: { table: TICKETS, text: 'lantern' } } };
  await assert.rejects(serve.query(sql, grant), fails('access.denied', /key/));
  assert.equal((await serve.query(sql, OWNER_GRANT)).rows.length, 10);
});

test('values that a text quotes are found by those who may read them where they stand', async (t) => {
  const there = await world(t, { [TICKETS]: COLUMNS }, { specs: { [TICKETS]: SPECS } });
  const narrow = grantWith({ actions: [NO_MAIL] });
  const all = Array.from({ length: 12 }, (_, id) => ticket(id));

  const check = async (what: string, there: World, expected: readonly Values[]) => {
    const serve = await there.reopen({ policies });
    const found = (text: string, mode: SearchMode, grant: Grant) => serve.query(search(text, mode), grant);
    const named = expected.filter(({ id }) => id === 'k3').map(({ id }) => String(id));
    assert.deepEqual(ids(await found('"ada3@example.org"', 'keyword', OWNER_GRANT)), named, what);
    assert.deepEqual(ids(await found('ada3', 'keyword', narrow)), [], what);
    const known = expected.map(({ id }) => String(id)).toSorted();
    assert.deepEqual(ids(await found('harbour email', 'keyword', narrow)), known, what);
  };

  await there.run(TICKETS, all.slice(0, 6));
  await there.run(TICKETS, all.slice(4, 9));
  await there.write(
    TICKETS,
    all.slice(9).map((values) => ({ values })),
  );
  await check('with small writes', there, all);
  await there.fold(TICKETS);
  await check('folded', there, all);
  await there.compact();
  await check('compacted', there, all);
  assert.ok(twins(there).length > 0);
  await there.forget(TICKETS, ['k3']);
  await check(
    'forgotten',
    there,
    all.filter(({ id }) => id !== 'k3'),
  );
});

const twins = ({ root }: World): readonly string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('words~scrubbed'));
