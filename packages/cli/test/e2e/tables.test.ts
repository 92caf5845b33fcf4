import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { type CliProject, cliProject, fileBelow, filesBelow } from '../support/cli-project.ts';

const pipeline = (id: string, path: string, tables: string): string => `[[pipeline]]
id = "${id}"
source = { connector = "file", config = { path = "${path}" } }
tables = [${tables}]
`;
const things = (rest = ''): string =>
  `{ source = "records", name = "things", primary_key = ["id"]${rest === '' ? '' : `, ${rest}`} }`;

interface Column {
  readonly name: string;
  readonly type: string;
}

async function describeTable(project: CliProject, table = 'things') {
  const { stdout, stderr } = await project.hakiri('describe', table, '--json');
  assert.notEqual(stdout, '', stderr);
  const { columns, schema_history } = JSON.parse(stdout) as {
    columns: Column[];
    schema_history: { changes: string[] }[];
  };
  return {
    types: Object.fromEntries(columns.map(({ name, type }) => [name, type])),
    changes: schema_history.flatMap(({ changes }) => changes),
  };
}

test('several pipelines and tables in one run, and one by name', async (t) => {
  const table = (name: string): string => `{ source = "${name}", name = "${name}", primary_key = ["id"] }`;
  const project = cliProject(
    t,
    [
      pipeline('one', 'one.ndjson', `${table('a')}, ${table('b')}`),
      pipeline('two', 'two.ndjson', table('c')),
      pipeline('three', 'three.ndjson', table('d')),
    ].join('\n'),
  );
  project.write('one.ndjson', [{ id: 1 }, { id: 2 }]);
  project.write('two.ndjson', [{ id: 3 }]);
  project.write('three.ndjson', [{ id: 4 }]);
  const only = await project.run('two');
  assert.deepEqual(
    only.tables.map(({ ref }) => ref.table),
    ['c'],
  );
  const { tables } = await project.run();
  assert.deepEqual(
    tables.map(({ ref, rows, state }) => [ref.pipeline, ref.table, rows, state]),
    [
      ['one', 'a', 2, 'done'],
      ['one', 'b', 2, 'done'],
      ['two', 'c', 0, 'done'],
      ['three', 'd', 1, 'done'],
    ],
  );
  assert.deepEqual(
    await project.rows(
      'select (select sum(id) from a) as a, (select sum(id) from b) as b, (select sum(id) from c) as c, (select sum(id) from d) as d',
    ),
    [{ a: 3, b: 3, c: 3, d: 4 }],
  );
});

test('one pipeline that fails does not hold up the others, and its error is the exit code', async (t) => {
  const project = cliProject(
    t,
    `${pipeline('bad', 'missing.ndjson', things())}\n${pipeline('good', 'in.ndjson', '{ source = "records", name = "others", primary_key = ["id"] }')}`,
  );
  project.write('in.ndjson', [{ id: 1 }]);
  const { code, error } = await project.failing('run');
  assert.equal(code, 5);
  assert.equal(error.code, 'source.file_not_found');
  assert.deepEqual(await project.rows('select * from others'), [{ id: 1 }]);
});

test('two pipelines feed one table; each keeps its own cursor', async (t) => {
  const incremental = things('incremental = "version"');
  const project = cliProject(
    t,
    `${pipeline('east', 'east.ndjson', incremental)}\n${pipeline('west', 'west.ndjson', incremental)}`,
  );
  project.write('east.ndjson', [
    { id: 1, version: 1, from: 'east' },
    { id: 2, version: 5, from: 'east' },
  ]);
  project.write('west.ndjson', [
    { id: 2, version: 3, from: 'west' },
    { id: 3, version: 1, from: 'west', more: true },
  ]);
  await project.run();
  const select = 'select id, "from" as side from things order by id';
  assert.deepEqual(await project.rows(select), [
    { id: 1, side: 'east' },
    { id: 2, side: 'east' },
    { id: 3, side: 'west' },
  ]);
  project.write('west.ndjson', [{ id: 2, version: 6, from: 'west' }]);
  const { tables } = await project.run();
  assert.deepEqual(
    tables.map(({ rows }) => rows),
    [0, 1],
  );
  assert.deepEqual((await project.rows(select))[1], { id: 2, side: 'west' });

  project.writeManifest(
    `${pipeline('east', 'east.ndjson', incremental)}\n${pipeline('west', 'west.ndjson', things('incremental = "id"'))}`,
  );
  const failed = await project.failing('run');
  assert.equal(failed.error.code, 'manifest.table_conflict');
  assert.equal(failed.code, 2);
});

test('what decides which rows count cannot change under a table, and what is there stays', async (t) => {
  const incremental = things('incremental = "version"');
  const project = cliProject(t, pipeline('p', 'in.ndjson', incremental));
  project.write('in.ndjson', [{ id: 1, version: 1, other: 1 }]);
  await project.run();
  for (const [table, message] of [
    [incremental.replace('["id"]', '["other"]'), /has the key \(id\), the manifest says the key \(other\)/],
    [
      incremental.replace('name', 'mode = "append", name'),
      /has the mode merge, the manifest says the mode append/,
    ],
    [things(), /has the incremental column version, the manifest says no incremental column/],
    [incremental.replace('"version"', '"other"'), /the manifest says the incremental column other/],
  ] as const) {
    project.writeManifest(pipeline('p', 'in.ndjson', table));
    const { error, code } = await project.failing('run');
    assert.equal(error.code, 'manifest.table_conflict');
    assert.equal(code, 2);
    assert.match(error.message, message);
  }
  assert.equal((await project.rows('select * from things')).length, 1);
});

test('new columns, fields and values where there was only null join the table, and its history says so', async (t) => {
  const project = cliProject(t, pipeline('p', 'in/*.ndjson', things('incremental = "version"')));
  project.write('in/1.ndjson', [
    { id: 1, version: 1, owner: { login: 'ann' }, empty: null, list: [], tags: [{ name: 'x' }] },
  ]);
  await project.run();
  assert.equal((await describeTable(project)).types.empty, 'undecided');
  project.write('in/2.ndjson', [
    {
      id: 2,
      version: 2,
      owner: { login: 'bob', id: 7 },
      empty: { now: 'decided' },
      list: [1],
      tags: [{ name: 'y', at: 2 }],
      added: true,
    },
  ]);
  await project.run();
  const { types, changes } = await describeTable(project);
  assert.deepEqual(types, {
    id: 'int64',
    version: 'int64',
    owner: 'struct<login: string, id: int64>',
    empty: 'struct<now: string>',
    list: 'int64[]',
    tags: 'struct<name: string, at: int64>[]',
    added: 'boolean',
  });
  for (const change of [/added/, /owner/, /empty/])
    assert.ok(
      changes.some((text) => change.test(text)),
      `${change}`,
    );
  assert.deepEqual(await project.rows('select * from things order by id'), [
    {
      id: 1,
      version: 1,
      owner: { login: 'ann', id: null },
      empty: null,
      list: [],
      tags: [{ name: 'x', at: null }],
      added: null,
    },
    {
      id: 2,
      version: 2,
      owner: { login: 'bob', id: 7 },
      empty: { now: 'decided' },
      list: [1],
      tags: [{ name: 'y', at: 2 }],
      added: true,
    },
  ]);
});

test('a value that does not fit is set aside, or turns its column into json, as the manifest says', async (t) => {
  const rows = [
    { id: 1, size: 5 },
    { id: 2, size: 'large' },
    { id: 3, size: { w: 1, h: 2.5 } },
    { id: 4, size: 2.5 },
  ];
  for (const [onConflict, expected] of [
    ['quarantine', [{ id: 1, size: 5 }]],
    ['json', rows],
  ] as const) {
    const project = cliProject(t, pipeline('p', 'in/*.ndjson', things(`on_conflict = "${onConflict}"`)));
    project.write('in/1.ndjson', rows.slice(0, 1));
    await project.run();
    project.write('in/2.ndjson', rows.slice(1));
    const { tables } = await project.run();
    assert.equal(tables[0]?.set_aside, onConflict === 'json' ? 0 : 3);
    const held = await project.rows('select * from things order by id');
    assert.deepEqual(held, expected);
    if (onConflict === 'json') continue;
    const reasons = readFileSync(fileBelow(project.context, '.ndjson'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      [...new Set(reasons.map(({ code, column }) => `${code} ${column}`))],
      ['record.type_conflict size'],
    );
  }
});

test('declared columns hold whatever the data looks like', async (t) => {
  const columns = `columns = { day = { type = "date" }, at = { type = "timestamp" }, price = { type = "decimal(18,4)" }, small = { type = "int16" }, raw = { type = "json" }, data = { type = "bytes" }, never = { type = "string" } }`;
  const project = cliProject(t, pipeline('p', 'in.ndjson', things(columns)));
  project.write(
    'in.ndjson',
    [
      '{"id":1,"day":"2026-02-28","at":"2026-01-01T00:00:00.123456+02:00","price":"12345678901234.5678","small":-32768,"raw":{"b":1,"a":[1.0,12345678901234567890]},"data":"aGk=","plain":"2026-01-01"}',
      '{"id":2,"day":"2026-02-30","price":"1"}',
      '{"id":3,"small":32768}',
      '{"id":4,"price":"much"}',
      '{"id":5,"at":null,"price":1.5}',
      '',
    ].join('\n'),
  );
  const { tables } = await project.run();
  assert.deepEqual([tables[0]?.rows, tables[0]?.set_aside], [2, 3]);
  const held = await project.rows(
    'select id, day, "at", price, small, raw, plain, never from things order by id',
  );
  assert.deepEqual(
    [held[0]?.day, held[0]?.at, held[0]?.price, held[0]?.small, held[0]?.plain, held[0]?.never],
    ['2026-02-28', '2025-12-31T22:00:00.123456Z', '12345678901234.5678', -32768, '2026-01-01', null],
  );
  assert.match(JSON.stringify(held[0]?.raw), /12345678901234567890/);
  assert.equal(held[1]?.price, '1.5000');
  const { types } = await describeTable(project);
  assert.equal(types.plain, 'string', 'text that looks like a date stays text');
  assert.equal(types.never, 'string');
});

test('bytes come in as base64 and go out as they came, in lists and structs too', async (t) => {
  const columns = `columns = { data = { type = "bytes" }, chunks = { type = "bytes[]" }, file = { type = "struct<name: string, parts: struct<raw: bytes>[]>" } }`;
  const project = cliProject(t, pipeline('p', 'in.ndjson', things(columns)));
  const whole = {
    id: 1,
    data: 'AP8BaGk=',
    chunks: ['', null, '//8='],
    file: { name: 'a', parts: [{ raw: 'aGk=' }, null] },
  };
  project.write('in.ndjson', [
    whole,
    { id: 2, data: null, chunks: null, file: { name: 'b', parts: null } },
    { id: 3, data: 'not base64' },
    { id: 4, chunks: ['aGk'] },
    { id: 5, file: { parts: [{ raw: '\\x00' }] } },
    { id: 6 },
  ]);
  const { tables } = await project.run();
  assert.deepEqual([tables[0]?.rows, tables[0]?.set_aside], [3, 3]);
  const held = await project.rows('select id, data, chunks, file from things order by id');
  assert.deepEqual(held[0], whole);
  assert.deepEqual(held[1], { id: 2, data: null, chunks: null, file: { name: 'b', parts: null } });
  assert.deepEqual(held[2], { id: 6, data: null, chunks: null, file: null });
  assert.deepEqual(
    await project.rows('select hex(data) as h, octet_length(data) as n from things where id = 1'),
    [{ h: '00FF016869', n: 5 }],
  );
});

test('unknown_columns = "drop" reads what is declared, and nothing else', async (t) => {
  const columns =
    'unknown_columns = "drop", columns = { id = { type = "int64" }, name = { type = "string" } }';
  const project = cliProject(t, pipeline('p', 'in.ndjson', things(columns)));
  project.write('in.ndjson', [
    { id: 1, name: 'a', secret: 'x' },
    { id: 2, other: { deep: 1 } },
  ]);
  await project.run();
  assert.deepEqual(await project.rows('select * from things order by id'), [
    { id: 1, name: 'a' },
    { id: 2, name: null },
  ]);
});

test('rows without a key are each there once, also after a run that failed in the middle', async (t) => {
  const project = cliProject(
    t,
    pipeline(
      'p',
      'in/*.ndjson',
      '{ source = "records", name = "log", mode = "append", commit_every = "1 rows" }',
    ),
  );
  const line = (n: number) => ({ n, text: 'same' });
  project.write('in/1.ndjson', [line(1), line(1), line(2)]);
  project.write('in/2.json', '[]');
  await project.run();
  project.write('in/2.ndjson', [line(3)]);
  project.writeManifest(
    pipeline('p', 'in/*', '{ source = "records", name = "log", mode = "append", commit_every = "1 rows" }'),
  );
  project.write('in/3.json', '[{"n":4},{"n":');
  const failed = await project.failing('run');
  assert.equal(failed.error.code, 'source.truncated');
  const held = async () => (await project.rows('select n from log order by n')).map(({ n }) => n);
  assert.deepEqual(await held(), [1, 1, 2, 3]);
  project.write('in/3.json', '[{"n":4},{"n":5}]');
  await project.run();
  assert.deepEqual(await held(), [1, 1, 2, 3, 4, 5]);
  assert.equal((await project.run()).tables[0]?.rows, 0);
});

test('CSV and Parquet files become tables, each with its own types', async (t) => {
  const project = cliProject(
    t,
    [
      pipeline(
        'csv',
        'in/*.csv',
        '{ source = "records", name = "sheet", primary_key = ["id"], columns = { amount = { type = "decimal(10,2)" } } }',
      ),
      pipeline(
        'parquet',
        'in/*.parquet',
        '{ source = "records", name = "lake", primary_key = ["id"], incremental = "at" }',
      ),
    ].join('\n'),
  );
  project.write('in/1.csv', 'id;amount;note\r\n1;3.50;"line one\r\nline two"\r\n007;;"said ""hi"""\r\n');
  const parquet = join(project.folder, 'in/1.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const write = (sql: string) => connection.run(`COPY (${sql}) TO '${parquet}' (FORMAT parquet)`);
  await write(
    `SELECT i AS id, TIMESTAMP '2026-01-01' + to_days(i::INT) AS at, i::DECIMAL(9,3) AS d, {'a': i} AS s FROM range(3) t(i)`,
  );
  await project.run();
  assert.deepEqual(await project.rows('select * from sheet order by id'), [
    { id: '007', amount: null, note: 'said "hi"' },
    { id: '1', amount: '3.50', note: 'line one\r\nline two' },
  ]);
  assert.deepEqual(await project.rows('select id, d, s from lake order by id limit 1'), [
    { id: 0, d: '0.000', s: { a: 0 } },
  ]);
  const { types } = await describeTable(project, 'lake');
  assert.equal(types.d, 'decimal(9,3)');

  await write(`SELECT 1::BIGINT AS id, TIMESTAMP '2027-01-01' AS at, 9::DECIMAL(9,3) AS d, {'a': 9} AS s`);
  await project.run();
  assert.deepEqual(await project.rows('select count(*) as n, sum(d) as d from lake'), [
    { n: 3, d: '11.000' },
  ]);
  connection.closeSync();
  instance.closeSync();
});

test('the column that decides which row is newer cannot change its type', async (t) => {
  const project = cliProject(t, pipeline('p', 'in/*.ndjson', things('incremental = "version"')));
  project.write('in/1.ndjson', [{ id: 1, version: 1 }]);
  await project.run();
  project.writeManifest(
    pipeline(
      'p',
      'in/*.ndjson',
      things('incremental = "version", columns = { version = { type = "string" } }'),
    ),
  );
  project.write('in/2.ndjson', [{ id: 1, version: '2' }]);
  const { code, error } = await project.failing('run');
  assert.equal(error.code, 'schema.conflict');
  assert.match(error.message, /version decides which row/);
  assert.equal(code, 1);
  assert.deepEqual(await project.rows('select version from things'), [{ version: 1 }]);
  const parts = filesBelow(project.context).filter((path) => path.endsWith('.parquet'));
  assert.equal(parts.length, 1, 'nothing of the refused run is left');
  rmSync(join(project.folder, 'in/2.ndjson'));
});

test('a plan does not call the schema unchanged where nothing was read ahead', async (t) => {
  const project = cliProject(
    t,
    `[[pipeline]]
id = "p"
tables = ["notes"]
allow_hosts = ["127.0.0.1:9"]
[pipeline.source]
connector = "http"
config.base_url = "http://127.0.0.1:9"
config.resources = [
  { name = "orders", path = "/orders" },
  { name = "notes", path = "/orders/{id}/notes", parent = { resource = "orders", param = "id", field = "id" } },
]

${pipeline('files', 'in.ndjson', things())}`,
  );
  project.write('in.ndjson', []);
  const { stdout, stderr } = await project.hakiri('plan', '--json');
  assert.notEqual(stdout, '', stderr);
  const { tables } = JSON.parse(stdout) as { tables: { schema_changes: unknown }[] };
  assert.deepEqual(
    tables.map(({ schema_changes }) => schema_changes),
    [null, []],
  );
});

test('a declared type of a CSV or Parquet file is kept exactly, or the file is refused as a whole', async (t) => {
  const declared =
    'columns = { amount = { type = "decimal(18,4)" }, n = { type = "int64" }, at = { type = "timestamp" } }';
  const project = cliProject(
    t,
    [
      pipeline('csv', 'in/*.csv', things(declared)),
      pipeline('lake', 'in/*.parquet', things(declared).replace('"things"', '"lake"')),
      '[[transforms]]\ntable = "things"\nwith_columns = { double_amount = "amount * 2" }',
    ].join('\n'),
  );
  const good = 'id,amount,n,at\n1,1.00010,5,2026-01-01T00:00:00Z\n2,-.5,,\n';
  project.write('in/1.csv', good);
  await project.run('csv');
  const held = () => project.rows('select id, amount, n, "at", double_amount from things order by id');
  assert.deepEqual(await held(), [
    { id: '1', amount: '1.0001', n: 5, at: '2026-01-01T00:00:00Z', double_amount: '2.0002' },
    { id: '2', amount: '-0.5000', n: null, at: null, double_amount: '-1.0000' },
  ]);
  for (const row of [
    '1.00001,5,',
    '123456789012345,5,',
    'much,5,',
    '1,1.5,',
    '1,9223372036854775808,',
    '1,1,soon',
  ]) {
    project.write('in/2.csv', `id,amount,n,at\n3,1,1,\n4,${row}\n`);
    const { error } = await project.failing('run', 'csv');
    assert.equal(error.code, 'record.type_conflict', row);
    assert.match(error.message, /2\.csv: a value of column (amount|n|at) does not fit/);
    assert.equal((await held()).length, 2);
  }

  const parquet = join(project.folder, 'in/1.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const write = (amount: string, n: string) =>
    connection.run(
      `COPY (SELECT 1::BIGINT AS id, ${amount} AS amount, ${n} AS n, now() AS at) TO '${parquet}' (FORMAT parquet)`,
    );
  for (const [amount, n] of [
    ['1.00001::DOUBLE', '1'],
    ['1.00001::DECIMAL(9,5)', '1'],
    ['1', '1.5::DOUBLE'],
    ['1', '1.5::DECIMAL(4,1)'],
  ] as const) {
    await write(amount, n);
    const { error } = await project.failing('run', 'lake');
    assert.equal(error.code, 'record.type_conflict', `${amount} ${n}`);
  }
  await write('1.1::FLOAT', '2.0::DOUBLE');
  await project.run('lake');
  assert.deepEqual(await project.rows('select amount, n from lake'), [{ amount: '1.1000', n: 2 }]);
  connection.closeSync();
  instance.closeSync();
});
