import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CliProject, cliProject, filesBelow } from '../support/cli-project.ts';
import { programCommand, programEnvironment } from '../support/program.ts';

const SUBJECT = 'ada.lovelace.4711@example.org';

const ORDERS = `[[pipeline]]
id = "orders"
source = { connector = "file", config = { path = "orders.ndjson" } }

  [[pipeline.tables]]
  source = "orders"
  name = "orders"
  primary_key = ["shop", "id"]
  incremental = "at"
  subject_columns = ["buyer.mail"]
`;

const rows = [
  { shop: 'eu', id: 1, at: '2026-01-01', buyer: { mail: SUBJECT }, note: 'mine' },
  { shop: 'eu', id: 2, at: '2026-01-02', buyer: { mail: 'b@example.org' }, note: `gift for ${SUBJECT}` },
  { shop: 'us', id: 1, at: '2026-01-03', buyer: { mail: 'c@example.org' }, note: 'other' },
];

async function shop(t: TestContext): Promise<CliProject> {
  const project = cliProject(t, ORDERS);
  project.write('orders.ndjson', rows);
  await project.run();
  return project;
}

/** With something on standard input. */
function withInput(project: CliProject, input: string, ...argv: readonly string[]) {
  const { file, args } = programCommand('core');
  return spawnSync(file, [...args, ...argv], {
    cwd: project.folder,
    input,
    encoding: 'utf8',
    env: programEnvironment(project.folder),
  });
}

const held = (project: CliProject, text: string): readonly string[] =>
  filesBelow(join(project.folder, '.hakiri')).filter((path) => readFileSync(path).includes(text));

test('a subject is counted, asked about, deleted, and proven gone; its value is never printed', async (t) => {
  const project = await shop(t);
  const said: string[] = [];
  const tried = await project.hakiri('forget', '--subject', SUBJECT, '--dry-run');
  assert.equal(tried.stdout, 'orders: 1 row, and older versions of them\n');
  const unasked = await project.hakiri('forget', '--subject', SUBJECT);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /there is no terminal to ask on/);
  assert.deepEqual(await project.rows('select count(*) as n from orders'), [{ n: 3 }], 'nothing was changed');

  const done = withInput(project, `${SUBJECT}\n`, 'forget', '--subject', '-', '--yes');
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /^table +rows deleted +files rewritten\n-.+\norders +1 +\d+\n$/);
  assert.match(done.stderr, /Read back \d+ files?, .+: nothing of it is left\./);
  assert.match(done.stderr, /Still mentioned in orders\.note, in 1 row about others/);
  said.push(tried.stdout, tried.stderr, unasked.stderr, done.stdout, done.stderr);
  assert.doesNotMatch(said.join(''), /lovelace/);
  assert.deepEqual(
    held(project, 'lovelace').filter((path) => path.includes('/audit/')),
    [],
    'what is forgotten is not kept in the log',
  );
  const left = await project.rows('select shop, id from orders order by all');
  assert.deepEqual(left, [
    { shop: 'eu', id: 2 },
    { shop: 'us', id: 1 },
  ]);
  project.write('orders.ndjson', [{ ...rows[0], at: '2026-02-01' }]);
  await project.run();
  assert.deepEqual(await project.rows('select shop, id from orders order by all'), left, 'it stays away');
});

test('a subject is found by its value where only its hash was ever written', async (t) => {
  const named = '  subject_columns = ["buyer.mail"]\n';
  const project = cliProject(
    t,
    ORDERS.replace(named, `${named}  columns."buyer.mail" = { pii_type = "email", on_write = "hash" }\n`) +
      '  columns.at = { type = "string" }\n  columns.note = {}\n',
  );
  project.write('orders.ndjson', rows);
  await project.run();
  const tried = await project.hakiri('forget', '--subject', SUBJECT, '--dry-run');
  assert.equal(tried.stdout, 'orders: 1 row, and older versions of them\n');
  assert.equal((await project.hakiri('forget', '--subject', SUBJECT, '--yes')).code, 0);
  assert.deepEqual(await project.rows('select shop, id from orders order by all'), [
    { shop: 'eu', id: 2 },
    { shop: 'us', id: 1 },
  ]);
  project.write('orders.ndjson', [{ ...rows[0], at: '2026-02-01' }]);
  await project.run();
  assert.deepEqual(await project.rows('select count(*) as n from orders'), [{ n: 2 }], 'it stays away');
});

test('keys of several columns are JSON arrays; the report is JSON where asked', async (t) => {
  const project = await shop(t);
  const wrong = await project.failing('forget', '--table', 'orders', '--key', 'eu', '--yes');
  assert.deepEqual([wrong.code, wrong.error.code], [2, 'usage.argument']);
  assert.match(wrong.error.message, /a key has 2 columns: shop, id/);
  const keys = ['--table', 'orders', '--key', '["eu", 1]', '--key', '["us", "1"]'];
  const tried = await project.hakiri('forget', ...keys, '--dry-run', '--json');
  assert.deepEqual(JSON.parse(tried.stdout), { dry_run: true, tables: [{ table: 'orders', rows: 2 }] });
  const { code, stdout, stderr } = await project.hakiri('forget', ...keys, '--yes', '--json');
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assert.equal(report.erasures.length, 2);
  assert.deepEqual([report.tables[0].rows, report.proof.rows_found], [2, 0]);
  assert.deepEqual(await project.rows('select shop, id from orders'), [{ shop: 'eu', id: 2 }]);
  assert.deepEqual(held(project, '"mine"'), []);
});

test('what is unclear is refused before anything is looked at', async (t) => {
  const project = cliProject(t, ORDERS);
  for (const argv of [
    [],
    ['--subject', 'a', '--table', 'orders'],
    ['--table', 'orders'],
    ['--key', '1'],
    ['--subject', ''],
    ['--subject', '-'],
  ]) {
    const { code, error } = await project.failing('forget', ...argv);
    assert.deepEqual([code, error.code], [2, 'usage.argument'], argv.join(' '));
  }
});

test('a store whose tables name nobody says so', async (t) => {
  const project = cliProject(t, ORDERS.replace(/^.*subject_columns.*$/m, ''));
  project.write('orders.ndjson', rows);
  await project.run();
  const { error } = await project.failing('forget', '--subject', SUBJECT, '--yes');
  assert.match(error.message, /no table says whom its rows are about/);
  const unknown = await project.failing('forget', '--table', 'order', '--key', '1', '--yes');
  assert.equal(unknown.error.code, 'query.unknown_table');
});
