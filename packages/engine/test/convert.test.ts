import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { orderKey, type RunId, runTimeValue, type TableSchema, timeValue } from '@hakiri/core';
import type { ConvertRequest, Engine } from '../src/index.ts';
import { testEngine } from './support/engine.ts';

const RUN = '01JABCDEFGHJKMNPQRSTVWXYZ0' as RunId;
const suffix = { generation: 0, run: RUN };
const schema: TableSchema = {
  columns: [
    { name: 'id', type: { kind: 'int64' } },
    { name: 'name', type: { kind: 'string' } },
    { name: 'updated_at', type: { kind: 'timestamp' } },
    { name: 'user', type: { kind: 'struct', fields: [{ name: 'login', type: { kind: 'string' } }] } },
    { name: 'nothing', type: { kind: 'undecided' } },
  ],
};

let folder: string;
let engine: Engine;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hakiri-engine-'));
  engine = testEngine();
});
after(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

async function request(
  lines: readonly string[],
  overrides: Partial<ConvertRequest> = {},
): Promise<ConvertRequest> {
  const path = join(folder, `spool-${Math.random()}.ndjson`);
  await writeFile(path, lines.map((line) => `${line}\n`).join(''));
  return {
    input: { kind: 'records', path, schema, largestRecordBytes: 1000, deletes: false },
    transform: undefined,
    columns: schema.columns.filter((column) => column.type.kind !== 'undecided'),
    primaryKey: ['id'],
    order: {
      suffix,
      column: { path: ['updated_at'], type: { kind: 'timestamp' } },
      fallback: runTimeValue(RUN),
      firstSequence: 0,
      nulls: 'unexpected',
    },
    output: join(folder, `part-${Math.random()}.parquet`),
    rowGroupRows: 10_240,
    ...overrides,
  };
}

function deleting(input: ConvertRequest['input']) {
  assert.ok(input.kind === 'records');
  return { ...input, deletes: true };
}

async function read(path: string, sql = 'SELECT * FROM t ORDER BY _hakiri_seq') {
  const answer = await engine.query(
    {
      sql,
      views: [`CREATE VIEW t AS SELECT * FROM read_parquet('${path}')`],
      allowedPaths: [path],
      maxRows: 1000,
      maxBytes: 1e7,
    },
    { timeoutMs: 20_000 },
  );
  return answer.rows.map((row) => Object.fromEntries(row.map((cell, i) => [answer.columns[i]?.name, cell])));
}

test('a spool becomes a part with its columns, provenance and order', async () => {
  const asked = await request([
    '{"id":1,"name":"a","updated_at":"2024-01-01T00:00:00Z","user":{"login":"x"},"nothing":null}',
    '{"id":2,"updated_at":null}',
    '{"id":9007199254740993,"updated_at":"2023-01-01T00:00:00.000001+01:00"}',
  ]);
  const result = await engine.convert(asked);
  assert.equal(result.rows, 3);
  assert.deepEqual(result.misfits, []);
  const rows = await read(asked.output);
  const first = BigInt(Date.UTC(2024, 0, 1)) * 1000n;
  assert.deepEqual(rows[0], {
    id: 1,
    name: 'a',
    updated_at: '2024-01-01T00:00:00Z',
    user: { login: 'x' },
    _hakiri_run: RUN,
    _hakiri_seq: 0,
    _hakiri_deleted: false,
    _hakiri_order: orderKey(timeValue(first), suffix, 0),
  });
  // Without a value of its own a row takes the greatest seen up to it; the run's time is the least it can be.
  const fallback = runTimeValue(RUN);
  const seen = [fallback, timeValue(first)].sort().at(-1);
  assert.equal(rows[1]?._hakiri_order, orderKey(seen, suffix, 1));
  assert.equal(rows[2]?.id, '9007199254740993');
  assert.equal(rows[2]?.updated_at, '2022-12-31T23:00:00.000001Z');
  assert.equal(
    result.greatestOrder,
    rows
      .map((row) => String(row._hakiri_order))
      .sort()
      .at(-1),
  );
  assert.equal(await engine.countRows(asked.output), 3);
});

test('the same spool gives the same bytes', async () => {
  const lines = Array.from(
    { length: 25_000 },
    (_, i) => `{"id":${i},"name":"n${i % 7}","updated_at":"2024-01-01T00:00:00Z"}`,
  );
  const one = await request(lines);
  const two = { ...one, output: join(folder, 'again.parquet') };
  const [a, b] = [await engine.convert(one), await engine.convert(two)];
  assert.equal(a.sha256, b.sha256);
  assert.deepEqual(await readFile(one.output), await readFile(two.output));
});

test('records that do not fit are set aside with their column, the rest is written', async () => {
  const asked = await request([
    '{"id":1,"updated_at":"2024-01-01T00:00:00Z"}',
    '{"id":2,"updated_at":"banana"}',
    '{"id":3,',
    '{"name":"no key"}',
    '{"id":5}',
  ]);
  const result = await engine.convert(asked);
  assert.equal(result.rows, 2);
  assert.equal(result.nullOrder, true);
  assert.deepEqual(
    result.misfits.map(({ reason, column }) => [reason, column]).sort(),
    [
      ['malformed', undefined],
      ['null_key', undefined],
      ['type', 'updated_at'],
    ].sort(),
  );
  assert.deepEqual(
    (await read(asked.output)).map((row) => row.id),
    [1, 5],
  );
});

test('a transform runs in the same statement, and one that depends on the clock is refused', async () => {
  const transform = `SELECT * REPLACE (upper(name) AS name), len(name) AS size FROM input`;
  const shape = await engine.describe(schema, transform);
  assert.deepEqual(
    shape.columns.map(({ name }) => name),
    ['id', 'name', 'updated_at', 'user', 'nothing', 'size'],
  );
  assert.equal(shape.columns[4]?.type.kind, 'undecided');
  const asked = await request(['{"id":1,"name":"abc"}'], {
    transform,
    columns: shape.columns.filter((c) => c.type.kind !== 'undecided'),
  });
  await engine.convert(asked);
  assert.deepEqual((await read(asked.output, 'SELECT name, size FROM t'))[0], { name: 'ABC', size: 3 });
  for (const [sql, code] of [
    ['SELECT *, now() AS t FROM input', 'transform.clock'],
    ['SELECT *, current_date AS t FROM input', 'transform.clock'],
    ['SELECT *, random() AS t FROM input', 'transform.clock'],
    ['SELECT *, age(updated_at::TIMESTAMP) AS t FROM input', 'transform.clock'],
    ["SELECT * FROM input, read_text('/etc/passwd')", 'transform.function'],
    ['SELECT *, (SELECT 1) AS t FROM input', 'transform.function'],
    ['SELECT * FROM other', 'transform.function'],
    ['SELECT *, sum(id) AS t FROM input', 'transform.function'],
    ['SELECT *, row_number() OVER () AS t FROM input', 'transform.function'],
    ['SELECT *, nope(id) AS t FROM input', 'transform.function'],
    ['SELECT *, missing AS t FROM input', 'transform.invalid'],
    ['SELEC', 'transform.invalid'],
    ['SELECT * FROM input; SELECT 1', 'transform.invalid'],
  ] as const) {
    await assert.rejects(engine.describe(schema, sql), { code }, sql);
  }
});

test('a transform that names what the data does not have yet is told to declare it', async () => {
  for (const sql of [
    'SELECT missing FROM input',
    'SELECT * EXCLUDE (missing) FROM input',
    'SELECT missing.a FROM input',
  ])
    await assert.rejects(
      engine.describe(schema, sql),
      { code: 'transform.invalid', hint: /declare it under columns/ },
      sql,
    );
  await assert.rejects(engine.describe(schema, 'SELECT lower(id, 1) FROM input'), { hint: /See docs/ });
});

test('rows on which a transform fails are set aside', async () => {
  const transform = 'SELECT *, name::INTEGER AS n FROM input';
  const shape = await engine.describe(schema, transform);
  const lines = Array.from({ length: 200 }, (_, i) => `{"id":${i},"name":"${i === 77 ? 'x' : i}"}`);
  const asked = await request(lines, {
    transform,
    columns: shape.columns.filter((c) => c.type.kind !== 'undecided'),
  });
  const result = await engine.convert(asked);
  assert.equal(result.rows, 199);
  assert.deepEqual(
    result.misfits.map(({ reason, record }) => [reason, Buffer.from(record, 'base64').toString()]),
    [['transform', '{"id":77,"name":"77"}'.replace('"77"}', '"x"}')]],
  );
});

test('a broken CSV and a cut Parquet file have their own codes', async () => {
  const csv = join(folder, 'broken.csv');
  await writeFile(csv, `id,name\n${'1,ok\n'.repeat(50)}2,"never closed\n3,x\n`);
  const base = await request([]);
  const input = { kind: 'file', path: csv, format: 'csv', schema: { columns: [] } } as const;
  const convertCsv = async () => {
    const found = await engine.fileSchema(csv, 'csv');
    return engine.convert({
      ...base,
      input,
      columns: found.columns,
      primaryKey: [],
      order: { ...base.order, column: undefined },
    });
  };
  await assert.rejects(convertCsv(), { code: 'source.csv_malformed' });
  const whole = await request(['{"id":1}']);
  await engine.convert(whole);
  const cut = join(folder, 'cut.parquet');
  await writeFile(cut, (await readFile(whole.output)).subarray(0, 100));
  await assert.rejects(engine.fileSchema(cut, 'parquet'), { code: 'source.parquet_damaged' });
});

test('a transform that could never run is refused before there is a record', async () => {
  await engine.checkTransform('SELECT *, upper(name) AS name2, user AS u FROM input');
  await assert.rejects(engine.checkTransform('SELECT *, now() AS t FROM input'), { code: 'transform.clock' });
  await assert.rejects(engine.checkTransform('SELECT'), { code: 'transform.invalid' });
});

test('a delete becomes a tombstone: its key alone, ordered by its own value or the greatest seen up to it', async () => {
  const lines = [
    '{"id":1,"name":"a","updated_at":"2024-01-03T00:00:00Z"}',
    '{"id":2,"_hakiri_deleted":true}',
    '{"id":3,"name":"gone","user":{"login":"x"},"updated_at":"2024-01-02T00:00:00Z","_hakiri_deleted":true}',
    '{"id":4,"_hakiri_deleted":false,"updated_at":"2024-01-01T00:00:00Z"}',
    '{"id":5,"_hakiri_deleted":null,"updated_at":"2024-01-01T00:00:00Z"}',
    '{"name":"no key","_hakiri_deleted":true}',
  ];
  const base = await request(lines);
  const order = { ...base.order, fallback: '0' };
  const result = await engine.convert({ ...base, input: deleting(base.input), order });
  assert.deepEqual(
    result.misfits.map(({ reason }) => reason),
    ['null_key'],
  );
  const rows = await read(base.output);
  assert.deepEqual(
    rows.map((row) => [row.id, row.name, row.user, row._hakiri_deleted]),
    [
      [1, 'a', null, false],
      [2, null, null, true],
      [3, null, null, true],
      [4, null, null, false],
      [5, null, null, false],
    ],
  );
  const day = (n: number) => timeValue(BigInt(Date.UTC(2024, 0, n)) * 1000n);
  assert.deepEqual(
    rows.map((row) => row._hakiri_order),
    [3, 3, 2, 1, 1].map((n, i) => orderKey(day(n), suffix, i)),
  );
  assert.equal(rows[2]?.updated_at, null);
});

test('a delete passes every kind of transform and comes out once, with its key', async () => {
  const columns: TableSchema = {
    columns: [
      { name: 'id', type: { kind: 'int64' } },
      { name: 'state', type: { kind: 'string' } },
      { name: 'labels', type: { kind: 'list', item: { kind: 'string' } } },
      { name: 'updated_at', type: { kind: 'timestamp' } },
    ],
  };
  const lines = [
    '{"id":1,"state":"open","labels":["a","b"],"updated_at":"2024-01-01T00:00:00Z"}',
    '{"id":2,"_hakiri_deleted":true}',
    '{"id":3,"state":"open","labels":["a","b","c"],"_hakiri_deleted":true}',
    '{"id":4,"state":"spam","labels":[]}',
  ];
  const cases = [
    [
      "SELECT * REPLACE ((_hakiri_deleted OR ((state <> 'spam') IS NOT TRUE)) AS _hakiri_deleted) FROM input",
      'id',
    ],
    ["SELECT *, 'k' || id AS key FROM input", 'key'],
    ['SELECT * REPLACE (unnest(coalesce(nullif(labels, []), [NULL])) AS labels) FROM input', 'id'],
    ['SELECT * REPLACE (id::VARCHAR AS id) FROM input', 'id'],
  ] as const;
  for (const [transform, key] of cases) {
    const base = await request(lines, { transform, primaryKey: [key] });
    const input = { ...deleting(base.input), schema: columns };
    const shape = await engine.describe(columns, transform);
    const result = await engine.convert({ ...base, input, columns: shape.columns });
    assert.deepEqual(result.misfits, [], transform);
    const rows = await read(base.output);
    const tombstones = rows.filter((row) => row._hakiri_deleted === true);
    const keys = tombstones.map((row) => String(row[key]).replace('k', ''));
    assert.deepEqual(keys, transform.includes('spam') ? ['2', '3', '4'] : ['2', '3'], transform);
    for (const row of tombstones) {
      const held = Object.keys(row).filter((name) => row[name] !== null && !name.startsWith('_hakiri_'));
      assert.deepEqual(held, [key], transform);
    }
    assert.deepEqual(
      rows.map((row) => row._hakiri_seq),
      rows.map((_, i) => i),
    );
  }
  // A key that the transform makes of what a delete does not carry names no row: that record is set aside.
  const base = await request(lines, {
    transform: 'SELECT *, state || id AS key FROM input',
    primaryKey: ['key'],
  });
  const shape = await engine.describe(columns, 'SELECT *, state || id AS key FROM input');
  const input = { ...deleting(base.input), schema: columns };
  const result = await engine.convert({ ...base, input, columns: shape.columns });
  assert.deepEqual(
    result.misfits.map(({ reason, record }) => [reason, Buffer.from(record, 'base64').toString()]),
    [['null_key', lines[1]]],
  );
});
