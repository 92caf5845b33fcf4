import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runBinary } from './support/binary.ts';
import { emptyFolder } from './support/harness.ts';
import { ONLY_FULL } from './support/only-full.ts';

const BUNDLE = join(import.meta.dirname, '../../../scripts/bundle.ts');

test('the command is one file that runs from anywhere', (t) => {
  const dist = emptyFolder(t, 'dist');
  const entry = join(dist, 'hakiri.mjs');
  const built = spawnSync(process.execPath, [BUNDLE, '--outfile', entry], { encoding: 'utf8' });
  assert.deepEqual([built.status, built.stderr], [0, '']);
  assert.deepEqual(readdirSync(dist), ['hakiri.mjs']);

  const cwd = emptyFolder(t);
  assert.match(runBinary(cwd, ['--help'], { entry }).stdout, /^USAGE\n/);
  assert.equal(runBinary(cwd, ['--version'], { entry }).stdout, runBinary(cwd, ['--version']).stdout);
  assert.deepEqual(
    JSON.parse(runBinary(cwd, ['schema'], { entry }).stdout),
    JSON.parse(runBinary(cwd, ['schema']).stdout),
  );
  const init = runBinary(cwd, ['init', '--recipe', 'github-issues', '--set', 'repo=a/b'], { entry });
  assert.equal(init.code, 0, init.stderr);
  assert.match(readFileSync(join(cwd, 'hakiri.toml'), 'utf8'), /repo = "a\/b"/);
  assert.equal(runBinary(cwd, ['__complete', 'bash', 'sche'], { entry }).stdout, 'schema\n');
});

test('the core profile holds no server and no search, the full one both', (t) => {
  const dist = emptyFolder(t, 'dist');
  const modulesOf = (profile: string): readonly string[] => {
    const [outfile, inputs] = [join(dist, `${profile}.mjs`), join(dist, `${profile}.txt`)];
    const entry = join(import.meta.dirname, `../src/entry/${profile}.ts`);
    const built = spawnSync(
      process.execPath,
      [BUNDLE, '--entry', entry, '--outfile', outfile, '--inputs', inputs],
      { encoding: 'utf8' },
    );
    assert.deepEqual([built.status, built.stderr], [0, '']);
    return readFileSync(inputs, 'utf8').trim().split('\n');
  };
  assert.deepEqual(
    modulesOf('core').filter((path) => ONLY_FULL.test(path)),
    [],
  );
  const full = modulesOf('full');
  for (const part of ['packages/server/src/mcp/', 'retrieval/src/text/', 'retrieval/src/vector/', 'pino']) {
    assert.ok(
      full.some((path) => path.includes(part)),
      part,
    );
  }
});
