import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readManifest } from '@hakiri/core/manifest';
import { projectNameFrom } from '../src/recipes/project-name.ts';
import { runBinary } from './support/binary.ts';
import { emptyFolder, hakiri, manifest } from './support/harness.ts';

const LIVE = ['init', '--recipe', 'github-issues', '--set', 'repo=duckdb/duckdb'];

function manifestIn(folder: string): string {
  return readFileSync(join(folder, 'hakiri.toml'), 'utf8');
}

function read(folder: string) {
  return readManifest([{ file: 'hakiri.toml', text: manifestIn(folder) }]);
}

/** Runs the sample once; what the run itself does is of no interest here. */
async function sampleFolder(t: Parameters<typeof emptyFolder>[0]): Promise<string> {
  const cwd = emptyFolder(t);
  const project = {
    manifest: manifest('github-issues'),
    run: async () => ({ job: 'job' as never, tables: [] }),
  };
  await hakiri({ cwd, project }, 'run', 'github-issues');
  return cwd;
}

test('init writes a manifest with comments that is valid as it stands, and leaves nothing else', async (t) => {
  const cwd = emptyFolder(t, 'demo');
  const { code, stdout, stderr } = await hakiri({ cwd }, 'init');
  assert.equal(code, 0);
  assert.equal(stdout, '');
  assert.match(stderr, /^Wrote .+hakiri\.toml\.\n/);
  assert.deepEqual(read(cwd), {
    project: { name: 'demo', publicKeys: [] },
    pipelines: [],
    transforms: [],
    embeddings: [],
    policies: [],
    policyTests: [],
  });
  assert.deepEqual(readdirSync(cwd), ['hakiri.toml']);
});

test('the pipelines in the comments of the starter are valid once the comment signs are gone', async (t) => {
  const cwd = emptyFolder(t);
  await hakiri({ cwd }, 'init');
  const text = manifestIn(cwd).replace(/^# (?=\[\[|\w+ = | )|^#$/gm, '');
  assert.deepEqual(
    readManifest([{ file: 'hakiri.toml', text }]).pipelines.map(({ id }) => id),
    ['events', 'github-issues'],
  );
});

test('a recipe writes its live form', async (t) => {
  const cwd = emptyFolder(t);
  const { code } = await hakiri({ cwd }, ...LIVE, '--name', 'issues');
  assert.equal(code, 0);
  const { project, pipelines } = read(cwd);
  assert.equal(project.name, 'issues');
  assert.deepEqual(pipelines[0]?.source, { connector: 'github', config: { repo: 'duckdb/duckdb' } });
  assert.deepEqual(pipelines[0]?.secrets, ['GITHUB_TOKEN']);
  assert.equal(pipelines[0]?.tables?.[0]?.name, 'github_issues');
});

test('the sample form differs from the live form only in where it reads from', async (t) => {
  const [sample, live] = [await sampleFolder(t), emptyFolder(t)];
  await hakiri({ cwd: live }, ...LIVE);
  const [a, b] = [read(sample).pipelines[0], read(live).pipelines[0]];
  assert.deepEqual({ ...a, source: b?.source, secrets: b?.secrets }, b);
  assert.deepEqual(a?.source.config, { sample: true });
});

test('the sample manifest is turned live, with the comments and changes made since', async (t) => {
  const cwd = await sampleFolder(t);
  const mine =
    '# mine\n[[pipeline]]\nid = "orders" # ours\nsource = { connector = "file", config = { path = "*.csv" } }\n';
  writeFileSync(join(cwd, 'hakiri.toml'), `${manifestIn(cwd)}\n${mine}`);
  mkdirSync(join(cwd, '.hakiri', 'context'), { recursive: true });
  const { code, stderr } = await hakiri({ cwd }, ...LIVE);
  assert.equal(code, 0);
  assert.match(stderr, /now reads duckdb\/duckdb/);
  assert.match(stderr, /rows of the sample are still in the store/);
  const text = manifestIn(cwd);
  assert.doesNotMatch(text, /sample/);
  assert.match(text, /# a run takes only what changed/);
  assert.ok(text.includes(mine));
  const [pipeline] = read(cwd).pipelines;
  assert.deepEqual(pipeline?.source.config, { repo: 'duckdb/duckdb' });
  assert.deepEqual(pipeline?.secrets, ['GITHUB_TOKEN']);
});

test('a manifest that is not the sample is never touched', async (t) => {
  const cwd = emptyFolder(t);
  await hakiri({ cwd }, ...LIVE);
  const before = manifestIn(cwd);
  for (const argv of [LIVE, ['init']]) {
    const { code, stderr } = await hakiri({ cwd }, ...argv);
    assert.equal(code, 2);
    assert.match(stderr, /error\[manifest\.exists\]/);
  }
  assert.equal(manifestIn(cwd), before);
});

test('settings are checked before anything is written', async (t) => {
  const cwd = emptyFolder(t);
  for (const [argv, message] of [
    [['--recipe', 'github-issues'], /needs a repo/],
    [['--recipe', 'github-issues', '--set', 'repo=nonsense'], /is not a repository/],
    [['--recipe', 'github-issues', '--set', 'repo=a/b"]\nx=1'], /is not a repository/],
    [['--recipe', 'github-issues', '--set', 'reop=a/b'], /no setting "reop"\nhint: Did you mean repo\?/],
    [['--recipe', 'github-issues', '--set', 'repo'], /key=value/],
    [['--recipe', 'githubissues'], /Did you mean github-issues\?/],
    [['--set', 'repo=a/b'], /belongs to a recipe/],
    [['--name', 'Not A Name'], /name/],
  ] as const) {
    const { code, stderr } = await hakiri({ cwd }, 'init', ...argv);
    assert.equal(code, 2, argv.join(' '));
    assert.match(stderr, message);
  }
  assert.deepEqual(readdirSync(cwd), []);
});

test('a folder that cannot be written to is told as such', (t) => {
  const cwd = emptyFolder(t);
  chmodSync(cwd, 0o555);
  chmodSync(dirname(cwd), 0o755);
  const { code, stderr } = runBinary(cwd, ['init'], { asNobody: true });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /error\[store\.read_only\]/);
});

test('init --list names the recipes and their settings, also as JSON', async (t) => {
  const cwd = emptyFolder(t);
  assert.match((await hakiri({ cwd }, 'init', '--list')).stdout, /^github-issues .+\n {2}--set repo=/);
  const { stdout } = await hakiri({ cwd }, 'init', '--list', '--json');
  assert.equal(JSON.parse(stdout).recipes[0].settings[0].name, 'repo');
});

test('any folder name makes a project name', () => {
  const names = ['demo', 'My Data', 'Ünïcode', '日本', '2024-orders', '__x__', 'a'.repeat(100), '.', ''];
  assert.deepEqual(names.map(projectNameFrom), [
    'demo',
    'my_data',
    'unicode',
    'project',
    'orders',
    'x',
    'a'.repeat(63),
    'project',
    'project',
  ]);
});
