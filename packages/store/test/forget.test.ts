import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { JsonValue, TableName } from '@hakiri/core';
import { compactStore, examineStore, openStore, rebuildCatalog } from '../src/index.ts';
import { testEngine } from './support/engine.ts';
import { findValues } from './support/find-values.ts';
import {
  LETTERS,
  LOCK,
  PEOPLE,
  PEOPLE_COLUMNS,
  PLANTED,
  peopleTarget,
  person,
  plantEverywhere,
  SUBJECT,
  type World,
  world,
  zora,
} from './support/forget-world.ts';
import { contextOf, runId, schema, spool, target } from './support/test-store.ts';

const engine = testEngine();
after(() => engine.close());

test('of a subject nothing is left in any byte, column, block or page, and every other row is there', async (t) => {
  const w = world(t, engine);
  await plantEverywhere(w);
  const before = await findValues(w.root, PLANTED);
  for (const name of Object.keys(PLANTED)) {
    assert.ok(
      before.some((found) => found.startsWith(`${name} in `) && found.endsWith('.parquet')),
      `${name} is found in Parquet before: ${before.join('\n')}`,
    );
  }
  for (const place of [
    'data/runs/',
    'data/snapshot=',
    'data/delta/',
    'quarantine/',
    'rows/test/people.sqlite',
    'spool/',
  ]) {
    assert.ok(
      before.some((found) => found.startsWith('subject in ') && found.includes(place)),
      `found in ${place} before`,
    );
  }
  assert.ok(before.some((found) => found === 'order in context/test/meta.sqlite'));
  const others = (await w.rows()).filter(({ email }) => email !== SUBJECT);

  const report = await w.forget();

  assert.deepEqual(await findValues(w.root, PLANTED), []);
  const plain = (rows: readonly Record<string, unknown>[]) =>
    rows.map(({ _hakiri_order, ...row }) => row).sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
  assert.deepEqual(plain(await w.rows()), plain(others));
  assert.equal(report.tables.find(({ table }) => table === PEOPLE)?.rows, 5);
  assert.equal(report.proof.rowsFound, 0);
  assert.ok(report.proof.files > 10);
  assert.deepEqual(report.mentions, []);
  const record = join(contextOf(w.root), 'erasures', `${report.erasures[0]}.json`);
  assert.equal(JSON.parse(readFileSync(record, 'utf8')).kind, 'subject');
  const key = join(w.root, 'keys', 'pseudonym.key');
  assert.equal(statSync(key).mode & 0o777, 0o600);
  assert.equal(statSync(join(w.root, 'keys')).mode & 0o777, 0o700);
  assert.deepEqual(
    await w.sidecar(['key-of-zora-planted', 'p3']).then((rows) => rows.map((row) => row?.id)),
    [undefined, 'p3'],
  );
  assert.ok(existsSync(key));
  assert.ok(readdirSync(join(contextOf(w.root), 'erasures')).every((name) => !name.startsWith('_')));
});

const nothingLeft = async (w: World): Promise<void> =>
  assert.deepEqual(await findValues(w.root, PLANTED), []);

test('doctor finds nothing wrong afterwards, compaction goes on, and a rebuilt catalog says the same', async (t) => {
  const w = world(t, engine);
  await plantEverywhere(w);
  await w.forget();
  const faults = async () => (await examineStore(w.options)).checks.filter(({ state }) => state !== 'ok');
  assert.deepEqual(await faults(), []);
  const ids = await w.ids();
  await w.compact();
  assert.deepEqual(await w.ids(), ids);
  rmSync(join(contextOf(w.root), 'meta.sqlite'));
  const { damaged } = await rebuildCatalog(w.options, LOCK);
  assert.deepEqual(damaged, []);
  assert.deepEqual(await w.ids(), ids);
  await nothingLeft(w);
  assert.deepEqual(await faults(), []);
});

test('a later run leaves the subject out, and counts it', async (t) => {
  const w = world(t, engine);
  await plantEverywhere(w);
  await w.forget();
  const ids = await w.ids();
  const commit = await w.write(async (store) => {
    const writer = await store.openTable(peopleTarget());
    await writer.writePart(
      spool(w.root, PEOPLE_COLUMNS, [person(20), zora(9), { ...person(21), changed: null }, person(22)]),
    );
    rmSync(join(w.root, 'cache', 'spool.ndjson'));
    const aside = (record: string) => ({
      code: 'record.type_conflict' as const,
      reason: 'x',
      column: 'number',
      record: Buffer.from(record),
    });
    await writer.setAside([
      aside(JSON.stringify(zora(9))),
      aside(`{"email":"${SUBJECT}"`),
      aside('{"email":"b"}'),
    ]);
    return writer.commit(JSON.stringify({ value: 'zz-planted-9' }));
  });
  assert.deepEqual([commit?.rows, commit?.forgotten, commit?.setAside], [3, 1, 2]);
  assert.deepEqual(await w.ids(), [...ids, 'p20', 'p21', 'p22'].sort());
  const kept = (await w.rows()).filter(({ id }) => ['p20', 'p21', 'p22'].includes(String(id)));
  assert.deepEqual(kept.map((row) => [row.id, Number(row._hakiri_seq)]).sort(), [
    ['p20', 0],
    ['p21', 2],
    ['p22', 3],
  ]);
  await nothingLeft(w);
  await w.run([zora(10)]);
  assert.deepEqual(await w.ids(), [...ids, 'p20', 'p21', 'p22'].sort());
  await nothingLeft(w);
});

test('a small write of the subject is refused, and the others beside it are not', async (t) => {
  const w = world(t, engine);
  await plantEverywhere(w);
  await w.forget();
  await assert.rejects(w.small([zora(11)]), { code: 'record.erased' });
  await w.small([person(30)]);
  assert.ok((await w.ids()).includes('p30'));
  await nothingLeft(w);
});

test('runs, snapshots and small writes from elsewhere lose the subject before anybody reads them', async (t) => {
  const w = world(t, engine);
  await plantEverywhere(w);
  const tables = join(contextOf(w.root), 'tables');
  const aside = `${w.root}-aside`;
  t.after(() => rmSync(aside, { recursive: true, force: true }));
  cpSync(tables, aside, { recursive: true });
  await w.forget();
  const ids = await w.ids();
  // As if another machine, which has not heard of it, had sent everything there ever was.
  rmSync(tables, { recursive: true });
  cpSync(aside, tables, { recursive: true });
  for (const name of ['', '-wal', '-shm'])
    rmSync(join(contextOf(w.root), `meta.sqlite${name}`), { force: true });
  const { damaged } = await rebuildCatalog(w.options, LOCK);
  assert.deepEqual(damaged, []);
  await w.write(async () => {});
  await nothingLeft(w);
  assert.deepEqual(await w.ids(), ids);
});

test('a plain reader does not take in files from elsewhere once something was forgotten', async (t) => {
  const w = world(t, engine);
  await w.run([person(1), zora(1)]);
  const before = join(contextOf(w.root), 'tables/people/data/runs', runId(1));
  cpSync(before, `${w.root}-run`, { recursive: true });
  t.after(() => rmSync(`${w.root}-run`, { recursive: true, force: true }));
  await w.forget();
  const other = join(contextOf(w.root), 'tables/people/data/runs', runId(900));
  cpSync(`${w.root}-run`, other, { recursive: true });
  const [node = ''] = readdirSync(other);
  const manifest = join(other, node, '_manifest.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll(runId(1), runId(900)));
  const reader = await openStore(w.options);
  assert.equal((await reader.catalog.runs(PEOPLE)).length, 1);
  await reader.close();
  await w.write(async (store) => assert.equal((await store.catalog.runs(PEOPLE)).length, 2));
  assert.deepEqual(await findValues(w.root, PLANTED), []);
});

const KEYED = schema({ id: 'int64', text: 'string' });
const keyed = (w: World, rows: readonly object[]) =>
  w.write(async (store) => {
    const writer = await store.openTable(target({ table: LETTERS, sourceTable: 'letters' }));
    await writer.writePart(spool(w.root, KEYED, rows));
    rmSync(join(w.root, 'cache', 'spool.ndjson'));
    return writer.commit(undefined);
  });

test('a key is forgotten with its older versions and its deletes, and does not come back', async (t) => {
  const w = world(t, engine);
  const id = 88005553535;
  await keyed(w, [
    { id: 1, text: 'stays' },
    { id, text: 'first planted' },
  ]);
  await compactStore(w.options, LOCK, {});
  await keyed(w, [{ id, text: 'second planted' }]);
  await keyed(w, [{ id, _hakiri_deleted: true }]);
  const integer = Buffer.alloc(8);
  integer.writeBigInt64LE(BigInt(id));
  const planted = { text: ['planted'], id: [String(id), integer] };
  assert.notDeepEqual(await findValues(w.root, planted), []);
  const report = await w.forget({ table: LETTERS, keys: [[String(id)]] });
  assert.deepEqual(report.tables, [{ table: LETTERS, rows: 3, files: 4 }]);
  assert.deepEqual(await findValues(w.root, planted), []);
  const again = await keyed(w, [
    { id, _hakiri_deleted: true },
    { id: 2, text: 'new' },
    { id, text: 'planted' },
  ]);
  assert.deepEqual([again?.rows, again?.forgotten], [1, 2]);
  assert.deepEqual(await findValues(w.root, planted), []);
  assert.deepEqual((await w.rows(LETTERS)).map((row) => Number(row.id)).sort(), [1, 2]);
});

test('a row that passed to somebody else stays; one that had come from somebody else goes with its past', async (t) => {
  const w = world(t, engine);
  const of = (id: string, email: string, changed: string): JsonValue => ({ id, email, changed });
  await w.run([of('given', SUBJECT, 'a') as object, of('taken', 'other@x', 'a') as object]);
  await w.run([of('given', 'other@x', 'b') as object, of('taken', SUBJECT, 'b') as object]);
  await w.forget();
  assert.deepEqual(await w.ids(), ['given']);
  assert.deepEqual(await findValues(w.root, { subject: [SUBJECT], taken: ['taken'] }), []);
});

test('one after the other is forgotten, and nobody inherits the order of any of them', async (t) => {
  const w = world(t, engine);
  const inherits = (n: number) => ({ ...person(n), changed: null });
  await w.run([
    person(1),
    { ...person(2), email: 'yan@planted', changed: 'yy-planted' },
    zora(1),
    inherits(3),
  ]);
  await w.run([{ id: 'p1', _hakiri_deleted: true }, inherits(4)]);
  await w.compact();
  await w.run([{ ...person(4, { number: 44 }), changed: null }]);
  await w.forget();
  const order = { ...PLANTED, yan: ['yan@planted', 'yy-planted'] };
  assert.ok((await findValues(w.root, order)).every((found) => found.startsWith('yan')));
  await w.forget({ subject: 'yan@planted' });
  assert.deepEqual(await findValues(w.root, order), []);
  const rows = await w.rows();
  assert.deepEqual(rows.map(({ id, number }) => [id, Number(number)]).sort(), [
    ['p3', 3],
    ['p4', 44],
  ]);
  await w.run([
    { ...person(3, { number: 33 }), changed: null },
    { ...person(4), changed: 'b' },
  ]);
  assert.deepEqual((await w.rows()).map(({ id, number }) => [id, Number(number)]).sort(), [
    ['p3', 33],
    ['p4', 44],
  ]);
});

test('text about the subject in rows of others is told, by column, and left', async (t) => {
  const w = world(t, engine);
  await w.run([zora(1), person(1, { more: { note: `ask ${SUBJECT}` } })]);
  await keyed(w, [
    { id: 1, text: `${SUBJECT} wrote` },
    { id: 2, text: 'nothing' },
  ]);
  const { mentions } = await w.forget();
  assert.deepEqual(mentions, [
    { table: LETTERS, column: 'text', rows: 1 },
    { table: PEOPLE, column: 'more', rows: 1 },
  ]);
});

test('a subject is found in a list, in a struct, in JSON and as a number', async (t) => {
  const w = world(t, engine);
  const table = 'events' as TableName;
  const columns = schema({
    id: 'int64',
    who: 'string[]',
    by: 'struct<login: string>',
    raw: 'json',
    nr: 'int64',
  });
  await w.write(async (store) => {
    const subjectColumns = ['who', 'by.login', 'raw.people.mail', 'nr'];
    const writer = await store.openTable(target({ table, sourceTable: 'events', subjectColumns }));
    await writer.writePart(
      spool(w.root, columns, [
        { id: 1, who: ['a', '4711'] },
        { id: 2, by: { login: '4711' } },
        { id: 3, raw: { people: [{ mail: 'x' }, { mail: 4711 }] } },
        { id: 4, nr: 4711 },
        { id: 5, who: ['47110'], by: { login: '471' }, raw: { mail: 4711 }, nr: 47 },
      ]),
    );
    await writer.commit(undefined);
  });
  const { tables } = await w.forget({ subject: '4711' });
  assert.equal(tables[0]?.rows, 4);
  assert.deepEqual(
    (await w.rows(table)).map(({ id }) => Number(id)),
    [5],
  );
});

test('a partition that is named by the subject is gone with its folder', async (t) => {
  const w = world(t, engine);
  const options = {
    ...w.options,
    settings: () => ({
      partitioning: { kind: 'by' as const, column: 'email' },
      retentionMs: 86_400_000,
      tombstoneRetentionMs: 86_400_000,
    }),
  };
  const many = Array.from({ length: 1200 }, (_, i) => ({ ...person(i), email: SUBJECT }));
  await w.run([...many, ...Array.from({ length: 1200 }, (_, i) => ({ ...person(5000 + i), email: 'o@x' }))]);
  await compactStore(options, LOCK, {});
  const before = await findValues(w.root, { subject: [encodeURIComponent(SUBJECT), SUBJECT] });
  assert.ok(
    before.some((found) => found.includes('snapshot=') && found.includes('email=')),
    before.join('\n'),
  );
  await w.forget();
  assert.deepEqual(await findValues(w.root, { subject: [encodeURIComponent(SUBJECT), SUBJECT] }), []);
  assert.equal((await w.rows()).length, 1200);
});

test('without the key nobody can tell what was forgotten, and nothing is written', async (t) => {
  const w = world(t, engine);
  await w.run([zora(1), person(1)]);
  await w.forget();
  rmSync(join(w.root, 'keys'), { recursive: true });
  await assert.rejects(w.run([zora(2)]), { code: 'store.key_missing' });
  assert.deepEqual(await w.ids(), ['p1']);
});

test('a value that nobody can look into stops it before anything is said to be gone', async (t) => {
  const w = world(t, engine);
  await w.run([zora(1), person(1)]);
  const [part] = readdirSync(w.root, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.parquet'),
  );
  const path = join(w.root, part ?? '');
  const bytes = readFileSync(path);
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 40), Buffer.alloc(bytes.length - 40)]));
  await assert.rejects(w.forget(), { code: 'store.damaged' });
  await w.run([zora(2), person(2)]);
  await w.write(async ({ recovery, catalog }) => {
    assert.equal(recovery.erasure?.code, 'store.damaged');
    assert.deepEqual(
      (await catalog.table(PEOPLE))?.newer.map(({ rows }) => rows),
      [2, 1],
    );
  });
  await assert.rejects(w.compact(), { code: 'store.damaged' });
  writeFileSync(path, bytes);
  // The engine keeps what it has read of a file while its time is the same.
  utimesSync(path, 1e9, 1e9);
  await w.write(async ({ recovery }) => assert.equal(recovery.erasure, undefined));
  assert.deepEqual(await w.ids(), ['p1', 'p2']);
  await nothingLeft(w);
});

test('a run that is refused for its age loses the subject on the disk; a damaged one is told', async (t) => {
  const w = world(t, engine);
  const runs = join(contextOf(w.root), 'tables/people/data/runs');
  await w.run([zora(1), person(1)]);
  cpSync(join(runs, runId(1)), `${w.root}-run`, { recursive: true });
  t.after(() => rmSync(`${w.root}-run`, { recursive: true, force: true }));
  await w.run([person(2)]);
  const forgetsSoon = {
    ...w.options,
    settings: () => ({ partitioning: undefined, retentionMs: 1e12, tombstoneRetentionMs: 1000 }),
  };
  await compactStore(forgetsSoon, LOCK, {});
  const old = join(runs, runId(0));
  cpSync(`${w.root}-run`, old, { recursive: true });
  const [node = ''] = readdirSync(old);
  const manifest = join(old, node, '_manifest.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll(runId(1), runId(0)));
  await w.forget();
  assert.deepEqual(await w.ids(), ['p1', 'p2']);
  await nothingLeft(w);
  cpSync(`${w.root}-run`, old, { recursive: true });
  writeFileSync(manifest, '{}');
  await assert.rejects(w.forget(), (error: { code: string; message: string }) => {
    assert.equal(error.code, 'store.erasure_incomplete');
    assert.ok(error.message.includes(runId(0)));
    assert.ok(!error.message.includes(SUBJECT));
    return true;
  });
});

test('what is not there is remembered all the same', async (t) => {
  const w = world(t, engine);
  await w.run([person(1)]);
  const report = await w.forget();
  assert.deepEqual(report.tables, [{ table: PEOPLE, rows: 0, files: 0 }]);
  await w.run([zora(1), person(2)]);
  assert.deepEqual(await w.ids(), ['p1', 'p2']);
  await assert.rejects(w.forget({ subject: '' }), { code: 'usage.argument' });
  await assert.rejects(w.forget({ table: 'nowhere' as TableName, keys: [[1]] }), {
    code: 'usage.unknown_name',
  });
  await assert.rejects(w.forget({ table: PEOPLE, keys: [['a', 'b']] }), { code: 'usage.argument' });
});
