import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PipelineId, TableName } from '@hakiri/core';
import type { TablePlan } from '@hakiri/ingest';
import type { DoctorCheck } from '@hakiri/store';
import { emptyFolder, hakiri, manifest, projectFolder, serveWith, table } from './support/harness.ts';

test('tables lists names, sizes and descriptions', async (t) => {
  const world = { cwd: projectFolder(t), project: serveWith({ tables: [table('github_issues')] }) };
  const { stdout } = await hakiri(world, 'tables');
  assert.match(
    stdout,
    /^table .+\n-+ .+\ngithub_issues +1,234 +2 +1\.4 MB +2 +0 +2026-11-21T10:00:00Z +Issues of/,
  );
  const json = JSON.parse((await hakiri(world, 'tables', '--json')).stdout);
  assert.equal(json.tables[0].stored_rows, 1234);
});

test('an empty store says how to fill it', async (t) => {
  const world = { cwd: projectFolder(t), project: serveWith({}) };
  for (const command of ['tables', 'describe']) {
    const { code, stdout, stderr } = await hakiri(world, command);
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(stderr, /no table yet\. `hakiri run`/);
  }
});

test('describe shows one table, or all', async (t) => {
  const tables = [table('github_issues'), table('orders', { quarantined: 0 })];
  const world = { cwd: projectFolder(t), project: serveWith({ tables }) };
  const one = await hakiri(world, 'describe', 'orders');
  assert.match(one.stdout, /^orders\n.+\n {2}rows +1,200 \(1,234 stored in 2 parts, 1\.4 MB\)\n/);
  assert.match(one.stdout, /\nid +int64 +key\n/);
  assert.doesNotMatch(one.stdout, /github_issues|quarantined/);
  const all = await hakiri(world, 'describe');
  assert.match(all.stdout, /github_issues.+quarantined +3 rows.+orders/s);
  assert.equal(JSON.parse((await hakiri(world, 'describe', 'orders', '--json')).stdout).name, 'orders');
  assert.equal(JSON.parse((await hakiri(world, 'describe', '--json')).stdout).tables.length, 2);
  const none = await hakiri(world, 'describe', 'order');
  assert.equal(none.code, 2);
  assert.match(none.stderr, /error\[query\.unknown_table\].+\nhint: Did you mean orders\?/);
});

const PLAN: TablePlan = {
  ref: { pipeline: 'orders' as PipelineId, source: 'orders', table: 'file_orders' as TableName },
  mode: 'merge',
  primaryKey: ['id'],
  incremental: undefined,
  cursor: undefined,
  pages: undefined,
  files: 3,
  bytes: 2_000_000,
  schemaChanges: ['total added as double', 'note added as string'],
  warnings: ['no ordering'],
};

test('plan says what a run would do', async (t) => {
  const world = {
    cwd: projectFolder(t),
    project: { manifest: manifest('orders'), plan: async () => [PLAN] },
  };
  const { stdout } = await hakiri(world, 'plan', 'orders');
  assert.deepEqual(stdout.split('\n'), [
    'orders: orders -> file_orders',
    '  mode         merge',
    '  key          id',
    '  incremental  no',
    '  from         the start',
    '  expected     3 files, 2.0 MB',
    '  schema       total added as double',
    '               note added as string',
    '  warning      no ordering',
    '',
  ]);
  const json = JSON.parse((await hakiri(world, 'plan', '--json')).stdout);
  assert.deepEqual([json.tables[0].primary_key, json.tables[0].pages], [['id'], null]);
  assert.equal((await hakiri(world, 'plan', 'ordrs')).code, 2);
});

test('plan says of a schema that it stays, or that nothing is known', async (t) => {
  const planned = async (schemaChanges: TablePlan['schemaChanges']) => {
    const plan = async () => [{ ...PLAN, schemaChanges }];
    const world = { cwd: projectFolder(t), project: { manifest: manifest('orders'), plan } };
    const { stdout } = await hakiri(world, 'plan');
    const json = JSON.parse((await hakiri(world, 'plan', '--json')).stdout);
    return [/schema +(.+)/.exec(stdout)?.[1], json.tables[0].schema_changes];
  };
  assert.deepEqual(await planned([]), ['unchanged', []]);
  assert.deepEqual(await planned(undefined), ['unknown: nothing can be read ahead', null]);
});

test('doctor ends with 1 when a check failed, and not for a warning', async (t) => {
  const cwd = projectFolder(t);
  const warned: DoctorCheck = { name: 'orphans', state: 'warning', message: '1 file', path: 'a/b' };
  const failed: DoctorCheck = {
    name: 'hashes',
    state: 'failed',
    message: 'a part differs',
    hint: 'Restore it.',
  };
  const asked: boolean[] = [];
  const world = (...checks: readonly DoctorCheck[]) => ({
    cwd,
    project: {
      doctor: async ({ rebuildCatalog }: { readonly rebuildCatalog: boolean }) => {
        asked.push(rebuildCatalog);
        return { checks };
      },
    },
  });
  const sound = await hakiri(world(warned), 'doctor');
  assert.equal(sound.code, 0);
  assert.equal(sound.stdout, 'warning  orphans: 1 file\n         a/b\n');
  const broken = await hakiri(world(warned, failed), 'doctor', '--rebuild-catalog');
  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /failed {3}hashes: a part differs\n +hint: Restore it\./);
  assert.equal(JSON.parse((await hakiri(world(failed), 'doctor', '--json')).stdout).healthy, false);
  assert.deepEqual(asked, [false, true, false]);
});

test('pipeline list and describe show the manifest', async (t) => {
  const world = { cwd: projectFolder(t), project: { manifest: manifest('github-issues') } };
  assert.match(
    (await hakiri(world, 'pipeline', 'list')).stdout,
    /github-issues +github +the source's own +updated_at/,
  );
  assert.match(
    (await hakiri(world, 'pipeline', 'describe', 'github-issues')).stdout,
    /secrets +GITHUB_TOKEN\n/,
  );
  const json = JSON.parse((await hakiri(world, 'pipeline', 'describe', 'github-issues', '--json')).stdout);
  assert.deepEqual([json.lookback_ms, json.source.config], [600_000, { repo: 'duckdb/duckdb' }]);
  const unknown = await hakiri(world, 'pipeline', 'describe', 'github-isues');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /Did you mean github-issues\?/);
});

test('a manifest goes from TOML to JSON and back; a file is never replaced', async (t) => {
  const cwd = emptyFolder(t);
  await hakiri({ cwd }, 'init', '--recipe', 'github-issues', '--set', 'repo=a/b');
  const { stdout } = await hakiri({ cwd }, 'pipeline', 'convert', 'hakiri.toml', '--to', 'json');
  assert.equal(JSON.parse(stdout).pipeline[0].source.config.repo, 'a/b');
  writeFileSync(join(cwd, 'copy.json'), stdout);
  const back = ['pipeline', 'convert', 'copy.json', '--to', 'toml', '--output', 'copy.toml'];
  assert.equal((await hakiri({ cwd }, ...back)).code, 0);
  const again = await hakiri({ cwd }, 'pipeline', 'convert', 'copy.toml', '--to', 'json');
  assert.deepEqual(JSON.parse(again.stdout), JSON.parse(stdout));
  const before = readFileSync(join(cwd, 'copy.toml'), 'utf8');
  assert.match((await hakiri({ cwd }, ...back)).stderr, /error\[manifest\.exists\]/);
  assert.equal(readFileSync(join(cwd, 'copy.toml'), 'utf8'), before);
});

test('a pipeline file without a project converts; one that is not valid does not', async (t) => {
  const cwd = emptyFolder(t);
  writeFileSync(join(cwd, 'p.toml'), '[[pipeline]]\nid = "x"\nsource = { connector = "file" }\n');
  writeFileSync(
    join(cwd, 'bad.toml'),
    '[[pipeline]]\nid = "x"\nsource = { connector = "file" }\nlokback = "1m"\n',
  );
  assert.equal((await hakiri({ cwd }, 'pipeline', 'convert', 'p.toml', '--to', 'json')).code, 0);
  const bad = await hakiri({ cwd }, 'pipeline', 'convert', 'bad.toml', '--to', 'json', '--output', 'x.json');
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /manifest\.unknown_key/);
  assert.equal(existsSync(join(cwd, 'x.json')), false);
  const missing = await hakiri({ cwd }, 'pipeline', 'convert', 'no.toml', '--to', 'json');
  assert.match(missing.stderr, /error\[manifest\.unreadable\]/);
});

test('colour is shown on a terminal, and NO_COLOR and FORCE_COLOR decide otherwise', async (t) => {
  const world = { cwd: projectFolder(t), project: serveWith({ tables: [table('orders')] }) };
  const shows = async (parts: object): Promise<boolean> => {
    const { stdout } = await hakiri({ ...world, ...parts }, 'describe', 'orders');
    return stdout.includes('\x1b[');
  };
  assert.equal(await shows({}), false);
  assert.equal(await shows({ columns: 80 }), true);
  assert.equal(await shows({ columns: 80, env: { NO_COLOR: '1' } }), false);
  assert.equal(await shows({ columns: 80, env: { TERM: 'dumb' } }), false);
  assert.equal(await shows({ env: { FORCE_COLOR: '1' } }), true);
  assert.equal(await shows({ columns: 80, env: { FORCE_COLOR: '0' } }), false);
  assert.equal(await shows({ env: { NO_COLOR: '1', FORCE_COLOR: '1' } }), false);
});

test('misspelt commands and flags are told with what was meant, never with a stack', async (t) => {
  const cwd = emptyFolder(t);
  for (const [argv, hint] of [
    [['qurey'], 'Did you mean query? '],
    [['pipeline', 'lst'], 'Did you mean list? '],
    [['query', '--formt', 'csv'], 'Did you mean --format? `hakiri query --help` lists what it takes.'],
    [['xyzzy'], '`hakiri --help` lists the commands.'],
    [['query', '--zzzzzz'], '`hakiri query --help` lists what it takes.'],
    [['completions', 'bsh'], 'Did you mean bash? '],
  ] as const) {
    const { code, stdout, stderr } = await hakiri({ cwd }, ...argv);
    assert.deepEqual([code, stdout], [2, '']);
    assert.ok(stderr.includes(`\nhint: ${hint}`), stderr);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

test('what goes wrong unexpectedly is internal; its stack is shown only to who asks', async (t) => {
  const project = {
    serve: () => {
      throw new Error('out of cheese \x1b[2J');
    },
  };
  const cwd = projectFolder(t);
  const quiet = await hakiri({ cwd, project }, 'tables');
  assert.equal(quiet.code, 1);
  assert.match(quiet.stderr, /^error\[internal\]: out of cheese \\x1b\[2J\nhint: .+\n$/);
  const debug = await hakiri({ cwd, project, env: { HAKIRI_DEBUG: '1' } }, 'tables');
  assert.match(debug.stderr, /\n {4}at .+\ncaused by: Error: out of cheese/s);
});
