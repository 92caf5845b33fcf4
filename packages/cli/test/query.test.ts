import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HakiriError, type QueryRequest } from '@hakiri/core';
import { answer, emptyFolder, hakiri, projectFolder, serveWith, table } from './support/harness.ts';

const ROWS = answer(
  ['name', 'count BIGINT', 'note'],
  [
    ['abc', 1, null],
    ['日本', 20, ''],
    ['👩‍👩‍👧 é', 300, 'NULL'],
  ],
);

test('a table is aligned by what a terminal shows, numbers to the right, null apart from empty text', async (t) => {
  const { code, stdout, stderr } = await hakiri(
    { cwd: projectFolder(t), project: serveWith({ answer: ROWS }) },
    'query',
    'select 1',
  );
  assert.equal(code, 0);
  assert.deepEqual(stdout.split('\n'), [
    'name  count  note',
    '----  -----  ------',
    'abc       1  NULL',
    '日本     20',
    '👩‍👩‍👧 é    300  "NULL"',
    '',
  ]);
  assert.equal(stderr, '3 rows in 12 ms\n');
});

test('a value cannot drive the terminal, in any format', async (t) => {
  const hostile = answer(['x'], [['\x1b[2J\u009b1m\r\n\u202eabc\x07']]);
  const cwd = projectFolder(t);
  for (const format of ['table', 'csv', 'json', 'ndjson']) {
    const world = { cwd, project: serveWith({ answer: hostile }), columns: 80 };
    const { stdout } = await hakiri(world, 'query', 'select 1', '--format', format);
    assert.match(stdout, /abc/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/, format);
  }
});

test('long cells are cut on a terminal only', async (t) => {
  const cwd = projectFolder(t);
  const long = answer(['id BIGINT', 'body'], [[1, 'x'.repeat(300)]]);
  const piped = await hakiri({ cwd, project: serveWith({ answer: long }) }, 'query', 'select 1');
  assert.match(piped.stdout, /x{300}/);
  const shown = await hakiri({ cwd, project: serveWith({ answer: long }), columns: 40 }, 'query', 'select 1');
  assert.ok(shown.stdout.includes(` 1  ${'x'.repeat(35)}…`));
  const unsized = await hakiri(
    { cwd, project: serveWith({ answer: long }), columns: 0 },
    'query',
    'select 1',
  );
  assert.ok(
    unsized.stdout.includes(` 1  ${'x'.repeat(75)}…`),
    'a terminal that does not know its size has 80',
  );
});

test('columns that do not fit a terminal are left out and counted', async (t) => {
  const names = Array.from({ length: 30 }, (_, i) => `column_number_${i}`);
  const wide = answer(names, [names.map((name) => `value of ${name}`)]);
  const world = { cwd: projectFolder(t), project: serveWith({ answer: wide }), columns: 60 };
  const { stdout, stderr } = await hakiri(world, 'query', 'select 1');
  for (const line of stdout.split('\n')) assert.ok(line.length <= 60, line);
  assert.match(stderr, /23 more columns did not fit/);
});

test('CSV follows RFC 4180 and keeps null apart from empty text', async (t) => {
  const rows = answer(
    ['a', 'b,c'],
    [
      ['say "hi"', null],
      ['', 'two\nlines'],
      [{ k: [1, 'x'] }, 1.5],
    ],
  );
  const world = { cwd: projectFolder(t), project: serveWith({ answer: rows }) };
  const { stdout } = await hakiri(world, 'query', 'select 1', '--format', 'csv');
  assert.equal(stdout, 'a,"b,c"\r\n"say ""hi""",\r\n"","two\nlines"\r\n"{""k"":[1,""x""]}",1.5\r\n');
});

test('JSON is one document with rows as objects; a repeated column name loses no value', async (t) => {
  const rows = answer(['a BIGINT', 'a'], [[1, 'x']], { truncated: 'rows' });
  const world = { cwd: projectFolder(t), project: serveWith({ answer: rows }) };
  const { stdout, stderr } = await hakiri(world, 'query', 'select 1', '--json');
  assert.deepEqual(JSON.parse(stdout), {
    columns: [
      { name: 'a', type: 'BIGINT' },
      { name: 'a_2', type: 'VARCHAR' },
    ],
    rows: [{ a: 1, a_2: 'x' }],
    truncated: 'rows',
    elapsed_ms: 12,
  });
  assert.equal(stderr, '');
});

test('NDJSON is a line a row', async (t) => {
  const world = { cwd: projectFolder(t), project: serveWith({ answer: ROWS }) };
  const { stdout } = await hakiri(world, 'query', 'select 1', '--format', 'ndjson');
  const lines = stdout.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { name: 'abc', count: 1, note: null },
      { name: '日本', count: 20, note: '' },
      { name: '👩‍👩‍👧 é', count: 300, note: 'NULL' },
    ],
  );
});

test('an answer that was cut says so', async (t) => {
  const cut = answer(['a'], [['x']], { truncated: 'rows' });
  const world = { cwd: projectFolder(t), project: serveWith({ answer: cut }) };
  const { stderr, code } = await hakiri(world, 'query', 'select 1');
  assert.match(stderr, /1 row in 12 ms\nThere is more: the answer was cut/);
  assert.equal(code, 0);
});

test('an answer past the size nobody asked to cut it at is an error, after what fits of it', async (t) => {
  const cut = answer(['a'], [['x']], { truncated: 'bytes' });
  const world = { cwd: projectFolder(t), project: serveWith({ answer: cut }) };
  const { stdout, stderr, code } = await hakiri(world, 'query', 'select 1', '--format', 'csv');
  assert.equal(stdout, 'a\r\nx\r\n');
  assert.match(stderr, /error\[query\.too_large\]/);
  assert.equal(code, 1);
});

test('SQL comes from the argument, standard input or a file', async (t) => {
  const cwd = projectFolder(t);
  writeFileSync(join(cwd, 'q.sql'), 'select 3');
  const requests: QueryRequest[] = [];
  const world = { cwd, project: serveWith({}, requests), stdin: 'select 2' };
  await hakiri(world, 'query', 'select 1', '--limit', '5', '--timeout', '30s');
  await hakiri(world, 'query', '-');
  await hakiri(world, 'query', '--file', 'q.sql');
  await hakiri(world, 'query', '--', '-- a comment first\nselect 4');
  assert.deepEqual(requests, [
    { sql: 'select 1', once: true, limit: 5, timeoutMs: 30_000 },
    { sql: 'select 2', once: true },
    { sql: 'select 3', once: true },
    { sql: '-- a comment first\nselect 4', once: true },
  ]);
});

test('the structured form becomes a structured request', async (t) => {
  const requests: QueryRequest[] = [];
  const world = { cwd: projectFolder(t), project: serveWith({ tables: [table('github_issues')] }, requests) };
  const flags = [
    '--select',
    'title, user.login',
    '--filter',
    "state = 'open'",
    '--order-by',
    'updated_at desc',
  ];
  const { code } = await hakiri(world, 'query', '--table', 'github_issues', ...flags);
  assert.equal(code, 0);
  assert.deepEqual(requests, [
    {
      table: 'github_issues',
      select: ['title', 'user.login'],
      filter: "state = 'open'",
      orderBy: ['updated_at desc'],
      once: true,
    },
  ]);
});

test('a misspelt table is told with what was meant', async (t) => {
  const world = { cwd: projectFolder(t), project: serveWith({ tables: [table('github_issues')] }) };
  const { code, stderr } = await hakiri(world, 'query', '--table', 'github_isues');
  assert.equal(code, 2);
  assert.equal(
    stderr,
    'error[query.unknown_table]: there is no table "github_isues"\nhint: Did you mean github_issues? There is: github_issues.\n',
  );
});

test('what contradicts itself is refused before a project is opened', async (t) => {
  const cwd = emptyFolder(t);
  for (const argv of [
    [],
    ['select 1', '--table', 'x'],
    ['select 1', '--filter', 'a = 1'],
    ['select 1', '--json', '--format', 'csv'],
    ['   '],
    ['--file', 'missing.sql'],
    ['select 1', '--limit', '0'],
    ['select 1', '--timeout', '30'],
    ['select 1', '--format', 'xml'],
  ]) {
    const { code, stderr, stdout } = await hakiri({ cwd }, 'query', ...argv);
    assert.equal(code, 2, argv.join(' '));
    assert.match(stderr, /usage\.argument.+hint.+\n$/s, argv.join(' '));
    assert.equal(stdout, '');
  }
});

test('an error of the store keeps its code, hint and exit code, as JSON where asked', async (t) => {
  const refused = new HakiriError('query.refused', 'read_csv is not allowed', {
    details: { name: 'read_csv' },
  });
  const project = {
    serve: () => {
      throw refused;
    },
  };
  const cwd = projectFolder(t);
  const plain = await hakiri({ cwd, project }, 'query', 'select 1');
  assert.equal(plain.code, 3);
  assert.match(plain.stderr, /^error\[query\.refused\]: read_csv is not allowed\nhint: Query the tables/);
  const json = await hakiri({ cwd, project }, 'query', 'select 1', '--json');
  assert.equal(json.code, 3);
  assert.deepEqual(JSON.parse(json.stderr), {
    error: {
      code: 'query.refused',
      message: 'read_csv is not allowed',
      hint: 'Query the tables listed by `hakiri tables`.',
      details: { name: 'read_csv' },
    },
  });
});

test('without a manifest the hint says how to get one', async (t) => {
  const { code, stderr } = await hakiri({ cwd: emptyFolder(t) }, 'query', 'select 1');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /error\[manifest\.not_found\]: there is no hakiri\.toml in .+ or above it\nhint: Run `hakiri init`/,
  );
});

test('the manifest is found from a folder below, and by --project from anywhere', async (t) => {
  const cwd = projectFolder(t);
  const elsewhere = emptyFolder(t);
  const project = serveWith({ answer: ROWS });
  assert.equal((await hakiri({ cwd: join(cwd, 'a', 'b'), project }, 'query', 'select 1')).code, 0);
  assert.equal((await hakiri({ cwd: elsewhere, project }, 'query', 'select 1', '--project', cwd)).code, 0);
  assert.equal((await hakiri({ cwd, project }, 'query', 'select 1', '--project', elsewhere)).code, 2);
});
