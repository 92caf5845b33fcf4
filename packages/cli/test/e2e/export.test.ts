import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NodeId, OWNER_GRANT } from '@hakiri/core';
import { createServe } from '@hakiri/retrieval';
import { nodeFiles, openStore } from '@hakiri/store';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { readThroughView } from '../../../store/test/support/foreign-readers.ts';
import { systemClock } from '../../src/system-clock.ts';
import { type CliProject, cliProject, filesBelow, type Row } from '../support/cli-project.ts';
import { parseCsv } from '../support/parse-csv.ts';
import { programEnvironment, writeProgramShim } from '../support/program.ts';
import { programEngine } from '../support/program-engine.ts';
import { writeNotes } from '../support/write-notes.ts';

const ORDERS = `[[pipeline]]
id = "orders"
source = { connector = "file", config = { path = "orders.ndjson" } }

  [[pipeline.tables]]
  source = "orders"
  name = "orders"
  primary_key = ["id"]
  incremental = "at"
`;

/** A store with two runs of one table; the second changes a row of the first. */
async function shop(t: TestContext): Promise<CliProject> {
  const project = cliProject(t, ORDERS);
  project.write('orders.ndjson', [
    { id: 1, state: 'open', at: '2026-01-01' },
    { id: 2, state: 'open', at: '2026-01-02' },
  ]);
  await project.run();
  project.write('orders.ndjson', [
    { id: 1, state: 'shut', at: '2026-01-03' },
    { id: 3, state: 'open', at: '2026-01-04' },
  ]);
  await project.run();
  return project;
}

async function ok(project: CliProject, ...argv: readonly string[]): Promise<string> {
  const { code, stderr, stdout } = await project.hakiri(...argv);
  assert.equal(code, 0, stderr);
  return stdout;
}

const leftovers = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.hakiri-export')) : [];

async function readParquet(path: string): Promise<readonly Row[]> {
  return parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
}

/** Values that writers of files get wrong. */
const NASTY = `select * from (values
  (1, 9007199254740993::bigint, 123456789012345678901234.56::decimal(38,2), 'say "hi", then
leave' || chr(13) || chr(10), '\\x00\\xFFab'::blob, timestamptz '2026-01-01 12:00:00.123456+02', date '0001-01-01',
   {'a': [1, null], 'b': {'c': 9007199254740993}}, 'nan'::double, true),
  (2, (-9223372036854775808)::bigint, -0.01::decimal(38,2), '', null, null, null, null, -0.1::double, false),
  (3, null, null, null, ''::blob, timestamptz '1969-12-31 23:59:59.999999+00', date '9999-12-31',
   {'a': [], 'b': null}, 1e308::double, null),
  (4, 0, 0, '日本 👩‍👩‍👧 ' || chr(8232) || ' =1+1', 'x'::blob, null, null, null, 'infinity'::double, null)
) as t(id, big, exact, words, bytes, moment, day, nested, number, flag) order by id`;

const NASTY_ROWS: readonly Row[] = [
  {
    id: 1,
    big: '9007199254740993',
    exact: '123456789012345678901234.56',
    words: 'say "hi", then\nleave\r\n',
    bytes: 'AP9hYg==',
    moment: '2026-01-01T10:00:00.123456Z',
    day: '0001-01-01',
    nested: { a: [1, null], b: { c: '9007199254740993' } },
    number: 'NaN',
    flag: true,
  },
  {
    id: 2,
    big: '-9223372036854775808',
    exact: '-0.01',
    words: '',
    bytes: null,
    moment: null,
    day: null,
    nested: null,
    number: -0.1,
    flag: false,
  },
  {
    id: 3,
    big: null,
    exact: null,
    words: null,
    bytes: '',
    moment: '1969-12-31T23:59:59.999999Z',
    day: '9999-12-31',
    nested: { a: [], b: null },
    number: 1e308,
    flag: null,
  },
  {
    id: 4,
    big: 0,
    exact: '0.00',
    words: '日本 👩‍👩‍👧 \u2028 =1+1',
    bytes: 'eA==',
    moment: null,
    day: null,
    nested: null,
    number: 'Infinity',
    flag: null,
  },
];

test('values that writers get wrong come back from every format as they are', async (t) => {
  const project = await shop(t);
  for (const name of ['out.ndjson', 'out.csv', 'out.parquet']) {
    await ok(project, 'export', '--query', NASTY, '--output', name);
  }
  const lines = readFileSync(join(project.folder, 'out.ndjson'), 'utf8').trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    NASTY_ROWS,
  );
  assert.deepEqual(await project.rows(NASTY), NASTY_ROWS, 'as in the answer to a query');

  const [header = [], ...rows] = parseCsv(readFileSync(join(project.folder, 'out.csv'), 'utf8'));
  assert.deepEqual(header, Object.keys(NASTY_ROWS[0] ?? {}));
  const asText = (value: unknown): string | null =>
    value === null ? null : typeof value === 'object' ? JSON.stringify(value) : String(value);
  assert.deepEqual(
    rows,
    NASTY_ROWS.map((row) => Object.values(row).map(asText)),
  );

  const read = await readParquet(join(project.folder, 'out.parquet'));
  assert.deepEqual(
    read.map(({ big, words, flag }) => ({ big, words, flag })),
    NASTY_ROWS.map(({ big, words, flag }) => ({
      big: big === null ? null : BigInt(String(big)),
      words,
      flag,
    })),
  );
  assert.deepEqual(read[0]?.moment, new Date('2026-01-01T10:00:00.123Z'));
  assert.equal(read[0]?.number, Number.NaN);
});

test('a sum past 64 bits stays exact in Parquet', async (t) => {
  const project = await shop(t);
  const sql = 'select sum(9007199254740993::bigint) as total, [sum(id)] as list from orders;';
  await ok(project, 'export', '--query', `${sql} -- that is all`, '--output', 'sum.parquet');
  const copy = await project.hakiri('query', sql, '--json');
  assert.equal(JSON.parse(copy.stdout).rows[0].total, '27021597764222979');
  const file = await asyncBufferFromFile(join(project.folder, 'sum.parquet'));
  const { parquetMetadata } = await import('hyparquet');
  const columns = parquetMetadata(await file.slice(0)).schema;
  const typeOf = (name: string) => columns.find((column) => column.name === name)?.converted_type;
  assert.equal(typeOf('total'), 'DECIMAL');
  assert.equal(columns.filter((column) => column.converted_type === 'DECIMAL').length, 2);
});

test('rows of a table, filtered, of then as of now; our own columns only where they are named', async (t) => {
  const project = await shop(t);
  const [first] = await project.rows('select min(_hakiri_run) as run from orders');
  const csv = ['--format', 'csv', '--order-by', 'id'];
  assert.equal(
    await ok(project, 'export', '--table', 'orders', '--filter', "state = 'open'", ...csv),
    'id,state,at\r\n2,open,2026-01-02\r\n3,open,2026-01-04\r\n',
  );
  assert.equal(
    await ok(project, 'export', '--table', 'orders', '--as-of', String(first?.run), ...csv),
    'id,state,at\r\n1,open,2026-01-01\r\n2,open,2026-01-02\r\n',
  );
  const own = await ok(project, 'export', '--query', 'select id, _hakiri_run from orders', '--format', 'csv');
  assert.match(own, /^id,_hakiri_run\r\n/);
  assert.deepEqual(leftovers(join(project.folder, '.hakiri/cache')), []);
});

test('the rows of an export pass the same gate as a query', async (t) => {
  const project = await shop(t);
  writeFileSync(join(project.folder, 'secret.csv'), 'a\n1\n');
  for (const [sql, code] of [
    ["from 'secret.csv'", 'query.refused'],
    ["select 1) to 'x.csv'; --", 'query.invalid'],
    ["copy (select 1) to 'x.csv'", 'query.not_select'],
    ['select 1; select 2', 'query.not_select'],
    ['from order', 'query.invalid'],
    ['from ordrs', 'query.unknown_table'],
    ['select nope from orders', 'query.unknown_column'],
  ] as const) {
    for (const format of code === 'query.refused' ? ['parquet', 'csv', 'ndjson'] : ['parquet']) {
      const failed = await project.failing('export', '--query', sql, '--output', `x.${format}`);
      assert.equal(failed.error.code, code, `${sql} as ${format}`);
    }
  }
  assert.deepEqual(
    readdirSync(project.folder).filter((name) => name.includes('x.')),
    [],
  );
});

test('a file that exists stays, unless it is to be replaced', async (t) => {
  const project = await shop(t);
  for (const name of ['kept.tar', 'kept.csv']) {
    const rows = name.endsWith('csv') ? ['--query', 'select 1 as one'] : [];
    project.write(name, 'mine');
    const { code, error } = await project.failing('export', ...rows, '--output', name);
    assert.deepEqual([code, error.code], [2, 'usage.argument']);
    assert.equal(readFileSync(join(project.folder, name), 'utf8'), 'mine');
    await ok(project, 'export', ...rows, '--output', name, '--force');
    assert.notEqual(readFileSync(join(project.folder, name), 'utf8'), 'mine');
  }
  const { error } = await project.failing('export', '--output', 'no/such/folder/x.tar');
  assert.equal(error.code, 'usage.argument');
  assert.deepEqual(leftovers(project.folder), []);
});

test('the tar holds the tables as they are: plain tar unpacks it, plain DuckDB reads it, Hakiri takes it', async (t) => {
  const project = await shop(t);
  await ok(project, 'compact');
  project.write('orders.ndjson', [{ id: 4, state: 'new', at: '2026-02-01' }]);
  await project.run();
  await writeNotes(project, [
    { values: { id: 1, text: 'a' } },
    { values: { id: 2, text: 'b' } },
    { delete: { id: 1 } },
  ]);
  const listed = JSON.parse(await ok(project, 'tables', '--json')).tables;
  assert.deepEqual(
    listed.map(({ name, small_writes, runs_beside }: Row) => [name, small_writes, runs_beside]),
    [
      ['notes', 3, 0],
      ['orders', 0, 1],
    ],
  );
  await ok(project, 'export', '--output', 'store.tar');

  const unpacked = join(project.folder, 'elsewhere');
  mkdirSync(unpacked);
  const tar = spawnSync('tar', ['-xf', '../store.tar'], { cwd: unpacked, encoding: 'utf8' });
  assert.deepEqual([tar.status, tar.stderr], [0, '']);
  const names = filesBelow(unpacked).map((path) => path.slice(unpacked.length + 1));
  assert.ok(names.includes('README.txt'));
  assert.ok(!names.some((name) => /keys|cache|erasures|sqlite|quarantine/.test(name)), names.join('\n'));
  const seen = (await readThroughView(unpacked, 'orders')).map(({ id, state }) => `${id} ${state}`).sort();
  assert.deepEqual(seen, ['1 shut', '2 open', '3 open', '4 new']);
  const notes = await readThroughView(unpacked, 'notes');
  assert.deepEqual(
    notes.map(({ id, text }) => [Number(id), text]),
    [[2, 'b']],
  );

  const other = cliProject(t, ORDERS);
  mkdirSync(other.context, { recursive: true });
  assert.equal(spawnSync('tar', ['-xf', join(project.folder, 'store.tar'), '-C', other.context]).status, 0);
  await ok(other, 'doctor', '--rebuild-catalog');
  const states = 'select id, state from orders order by id';
  assert.deepEqual(await other.rows(states), await project.rows(states));
  other.write('orders.ndjson', [{ id: 2, state: 'late', at: '2026-03-01' }]);
  await other.run();
  assert.deepEqual((await other.rows(`${states} limit 2 offset 1`))[0], { id: 2, state: 'late' });
});

test('only the tables asked for are in the tar, which also goes to standard output', async (t) => {
  const project = await shop(t);
  await writeNotes(project, [{ values: { id: 1, text: 'a' } }]);
  const { child, ended } = project.start('export', '--table', 'notes');
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  assert.equal((await ended).code, 0);
  const listed = spawnSync('tar', ['-t'], { input: Buffer.concat(chunks), encoding: 'utf8' });
  assert.equal(listed.status, 0, listed.stderr);
  assert.match(listed.stdout, /tables\/notes\//);
  assert.doesNotMatch(listed.stdout, /orders/);
  const unknown = await project.failing('export', '--table', 'note', '--output', 'x.tar');
  assert.equal(unknown.error.code, 'query.unknown_table');
  assert.match(unknown.error.hint, /Did you mean notes\?/);
});

test('a query that runs longer than it may leaves nothing', async (t) => {
  const project = await shop(t);
  const endless = 'select sum(a.i * b.i) from range(1000000) a(i), range(1000000) b(i)';
  for (const output of [
    ['--output', 'x.csv'],
    ['--format', 'csv'],
  ]) {
    const argv = ['--query', endless, '--timeout', '1s', ...output];
    const { code, stderr } = await project.hakiri('export', ...argv);
    assert.equal(code, 1);
    assert.match(stderr, /error\[query\.timeout\]/);
  }
  assert.deepEqual([...leftovers(project.folder), ...leftovers(join(project.folder, '.hakiri/cache'))], []);
});

const LARGE = "select i as id, repeat('x', 100) || i as body from range(30000000) r(i)";

/** Starts an export that takes long, and waits until it writes. */
async function exporting(project: CliProject) {
  const started = project.start('export', '--query', LARGE, '--output', 'large.ndjson');
  const { child } = started;
  while (leftovers(project.folder).length === 0 && child.exitCode === null) await sleep(20);
  await sleep(300);
  assert.equal(child.exitCode, null, 'it is still writing');
  return started;
}

test('Ctrl-C ends an export and removes what was begun', async (t) => {
  const project = await shop(t);
  const { child, ended } = await exporting(project);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.deepEqual(leftovers(project.folder), []);
  assert.equal(existsSync(join(project.folder, 'large.ndjson')), false);
});

test('what a killed export left is removed by the next', async (t) => {
  const project = await shop(t);
  const { child, ended } = await exporting(project);
  child.kill('SIGKILL');
  await ended;
  assert.equal(leftovers(project.folder).length, 1);
  await ok(project, 'export', '--query', 'select 1 as one', '--output', 'one.csv');
  assert.deepEqual(leftovers(project.folder), []);
  assert.equal(existsSync(join(project.folder, 'large.ndjson')), false);
});

test('an export to standard output that was killed is swept from the cache by the next run', async (t) => {
  const project = await shop(t);
  const cache = join(project.folder, '.hakiri/cache');
  const { child, ended } = project.start('export', '--query', LARGE, '--format', 'ndjson');
  while (leftovers(cache).length === 0 && child.exitCode === null) await sleep(20);
  child.kill('SIGKILL');
  await ended;
  assert.equal(leftovers(cache).length, 1);
  await project.run();
  assert.deepEqual(leftovers(cache), []);
});

test('a tar is one state of the store, whatever is committed and compacted while it is written', async (t) => {
  const project = await shop(t);
  const engine = programEngine();
  const store = await openStore({
    root: join(project.folder, '.hakiri'),
    project: 'demo',
    node: '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId,
    files: nodeFiles,
    clock: systemClock,
    engine,
  });
  const chunks: Uint8Array[] = [];
  try {
    const serve = createServe({ store, engine, notes: new Map() });
    const write = async (bytes: Uint8Array): Promise<void> => {
      chunks.push(bytes);
      if (chunks.length > 1) return;
      project.write('orders.ndjson', [{ id: 9, state: 'late', at: '2026-09-09' }]);
      await project.run();
      await ok(project, 'compact');
    };
    await serve.export({ kind: 'archive', write }, OWNER_GRANT);
  } finally {
    await store.close();
    await engine.close();
  }
  const unpacked = join(project.folder, 'elsewhere');
  mkdirSync(unpacked);
  spawnSync('tar', ['-x'], { cwd: unpacked, input: Buffer.concat(chunks) });
  const ids = (await readThroughView(unpacked, 'orders')).map(({ id }) => Number(id)).sort();
  assert.deepEqual(ids, [1, 2, 3]);
  assert.deepEqual(await project.rows('select count(*) as n from orders'), [{ n: 4 }]);
});

/** Proportional set size of a process and its children, bytes. */
function memoryOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return [String(pid), ...children].reduce((sum, id) => {
    try {
      const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))?.[1];
      return sum + Number(pss ?? 0) * 1024;
    } catch {
      return sum;
    }
  }, 0);
}

test('an export larger than any answer may be takes the memory of a small one', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const project = await shop(t);
  const sql = "select i as id, repeat('x', 100) || i as body from range(1000000) r(i)";
  const { child, ended } = project.start('export', '--query', sql, '--output', 'large.ndjson', '--json');
  let peak = 0;
  const sampling = setInterval(() => {
    try {
      peak = Math.max(peak, memoryOf(child.pid ?? 0));
    } catch {
      // It has ended.
    }
  }, 50);
  const { code, stdout, stderr } = await ended.finally(() => clearInterval(sampling));
  assert.equal(code, 0, stderr);
  const { rows, bytes } = JSON.parse(stdout);
  assert.equal(rows, 1_000_000);
  assert.ok(bytes > 120_000_000, `${bytes} bytes`);
  t.diagnostic(`${bytes} bytes written, ${Math.round(peak / 1e6)} MB of memory at most`);
  assert.ok(peak > 0 && peak < 400_000_000, `${peak} bytes of memory`);
});

test('contradictions are told', async (t) => {
  const project = cliProject(t, ORDERS);
  const contradictory = [
    ['--json'],
    ['--filter', 'a = 1', '--table', 'orders'],
    ['--query', 'select 1', '--table', 'orders', '--format', 'csv'],
    ['--query', 'select 1', '--filter', 'a = 1', '--format', 'csv'],
    ['--table', 'orders,other', '--format', 'csv'],
    ['--query', 'select 1', '--output', 'x.tar'],
    ['--as-of', 'soon', '--format', 'csv', '--table', 'orders'],
  ];
  for (const argv of contradictory) {
    const { code, stdout, stderr } = await project.hakiri('export', ...argv);
    assert.deepEqual([code, stdout], [2, ''], argv.join(' '));
    assert.match(stderr, /usage\.argument/, argv.join(' '));
  }
});

test('a terminal is no place for an export', {
  skip: process.platform === 'linux' ? false : 'has a terminal of util-linux',
}, async (t) => {
  const { folder } = cliProject(t, ORDERS);
  writeProgramShim(join(folder, 'hakiri'));
  const { status, stdout } = spawnSync(
    'script',
    ['--quiet', '--return', '--command', './hakiri export', '/dev/null'],
    {
      cwd: folder,
      encoding: 'utf8',
      env: programEnvironment(folder),
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  assert.equal(status, 2);
  assert.match(stdout, /^\S*error\[usage\.argument\]/);
  assert.equal(stdout.trim().split('\n').length, 2, stdout);
});
