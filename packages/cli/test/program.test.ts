import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { spawnSelf } from '../src/self.ts';
import { ENTRY, runBinary } from './support/binary.ts';
import { emptyFolder } from './support/harness.ts';

test('the program runs: help, version, schema, errors', (t) => {
  const cwd = emptyFolder(t);
  const help = runBinary(cwd, ['--help']);
  assert.equal(help.code, 0);
  for (const command of [
    'init',
    'run',
    'plan',
    'query',
    'tables',
    'describe',
    'pipeline',
    'doctor',
    'schema',
  ]) {
    assert.match(help.stdout, new RegExp(`\n {2}${command} `));
  }
  assert.match(runBinary(cwd, ['--version']).stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(JSON.parse(runBinary(cwd, ['schema']).stdout).type, 'object');
  const unknown = runBinary(cwd, ['nonsense', '--json']);
  assert.equal(unknown.code, 2);
  assert.equal(JSON.parse(unknown.stderr).error.code, 'usage.argument');
});

test('every command has a help text with examples', (t) => {
  const cwd = emptyFolder(t);
  const commands = [
    ...['init', 'run', 'plan', 'query', 'tables', 'describe', 'doctor', 'schema', 'completions'].map(
      (name) => [name],
    ),
    ...['list', 'describe', 'convert'].map((name) => ['pipeline', name]),
  ];
  for (const command of commands) {
    const { code, stdout } = runBinary(cwd, [...command, '--help']);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`EXAMPLES\n {2}.*hakiri ${command.join(' ')}`), command.join(' '));
  }
});

test('help loads none of what the commands need', (t) => {
  const cwd = emptyFolder(t);
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    process.argv.splice(1, process.argv.length, 'hakiri', '--help');
    await import(${JSON.stringify(`file://${ENTRY}`)});
    process.stderr.write(loaded.join('\\n'));`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd,
    encoding: 'utf8',
  });
  const foreign = stderr
    .split('\n')
    .filter((url) => /node_modules/.test(url) && !/stricli|levenshtein/.test(url));
  assert.match(stderr, /src\/app\.ts/);
  assert.deepEqual(foreign, []);
  assert.doesNotMatch(stderr, /src\/commands\/|packages\/(engine|store|ingest|retrieval)\//);
});

test('a reader that stops early ends the program quietly', (t) => {
  const cwd = emptyFolder(t);
  const line = `set -o pipefail; "${process.execPath}" "${ENTRY}" schema | head -n 1`;
  const { stdout, stderr, status } = spawnSync('bash', ['-c', line], { cwd, encoding: 'utf8' });
  assert.deepEqual([stdout, stderr, status], ['{\n', '', 0]);
});

test('the program starts itself again with a hidden command and an environment without secrets', async (t) => {
  process.env.HAKIRI_TEST_SECRET = 'ghp_secret';
  t.after(() => delete process.env.HAKIRI_TEST_SECRET);
  const child = spawnSelf('__complete', ['bash', 'que'], { cwd: emptyFolder(t) });
  assert.ok(child.stdout);
  assert.equal(await text(child.stdout), 'query\n');
  assert.ok(child.spawnargs.includes(ENTRY));

  const launcher = join(emptyFolder(t), 'launcher');
  writeFileSync(launcher, '#!/bin/sh\necho "$@"\nenv\n', { mode: 0o755 });
  process.env.HAKIRI_SELF = launcher;
  t.after(() => delete process.env.HAKIRI_SELF);
  const launched = spawnSelf('__engine', ['writer'], { env: { GIVEN: 'yes' } });
  assert.ok(launched.stdout);
  const said = await text(launched.stdout);
  assert.match(said, /^__engine writer\n/);
  assert.match(said, /^GIVEN=yes$/m);
  assert.doesNotMatch(said, /HAKIRI_TEST_SECRET|ghp_secret/);
});

test('bash completes commands, flags, recipes, pipelines and tables', (t) => {
  const cwd = emptyFolder(t);
  const complete = (line: string): readonly string[] => {
    const words = line.split(' ');
    const script = `
      hakiri() { "${process.execPath}" "${ENTRY}" "$@"; }
      source <(hakiri completions bash)
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      _hakiri hakiri
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { cwd, encoding: 'utf8' });
    assert.equal(stderr, '');
    return stdout.split('\n').filter((proposal) => proposal !== '');
  };
  assert.deepEqual(complete('hakiri de'), ['describe']);
  assert.deepEqual(complete('hakiri pipeline '), ['list', 'describe', 'convert']);
  assert.deepEqual(complete('hakiri query --fo'), ['--format']);
  assert.deepEqual(complete('hakiri query --format n'), ['ndjson']);
  assert.deepEqual(complete('hakiri run git'), ['github-issues']);
  const manifest =
    '[project]\nname = "x"\n[[pipeline]]\nid = "orders-eu"\nsource = { connector = "file", config = { path = "*.csv" } }\ntables = ["orders"]\n';
  writeFileSync(join(cwd, 'hakiri.toml'), manifest);
  assert.deepEqual(complete('hakiri run or'), ['orders-eu']);
  assert.deepEqual(complete('hakiri describe fi'), ['file_orders']);
  writeFileSync(join(cwd, 'hakiri.toml'), 'not toml');
  assert.deepEqual(complete('hakiri describe fi'), []);
});

for (const [shell, check] of [
  ['zsh', '-n'],
  ['fish', '--no-execute'],
] as const) {
  const isInstalled = spawnSync(shell, ['--version']).status === 0;
  const skip = isInstalled ? false : `${shell} IS NOT INSTALLED: its completion script was not tested`;
  test(`${shell} accepts its completion script`, { skip }, (t) => {
    const cwd = emptyFolder(t);
    // A file: what a child reads from here is a socket, which these shells do not open by name.
    writeFileSync(join(cwd, 'script'), runBinary(cwd, ['completions', shell]).stdout);
    const { stderr, status } = spawnSync(shell, [check, 'script'], { cwd, encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  });
}

test('Ctrl-C before there is anything to stop ends the program', async (t) => {
  const cwd = emptyFolder(t);
  const child = spawn(process.execPath, [ENTRY, 'query', '-'], { cwd, stdio: ['pipe', 'ignore', 'ignore'] });
  setTimeout(() => child.kill('SIGINT'), 300);
  const signal = await new Promise((resolve) => child.on('exit', (_code, by) => resolve(by)));
  assert.equal(signal, 'SIGINT');
  assert.equal(existsSync(join(cwd, '.hakiri')), false);
});
