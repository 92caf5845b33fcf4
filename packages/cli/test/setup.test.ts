import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { emptyFolder } from './support/harness.ts';

const SETUP = join(import.meta.dirname, '../../../scripts/setup.mjs');

interface Checkout {
  run(): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  /** What npx was called with; undefined when it was not called. */
  asked(): string | undefined;
  write(path: string, content: unknown): void;
}

/** A checkout whose npx writes down how it was called, and installs what `installs` says or fails. */
function checkout(t: Parameters<typeof emptyFolder>[0], installs: unknown): Checkout {
  const root = emptyFolder(t);
  const write = (path: string, content: unknown): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), JSON.stringify(content ?? null));
  };
  mkdirSync(join(root, 'scripts'));
  copyFileSync(SETUP, join(root, 'scripts', 'setup.mjs'));
  write('package.json', { devDependencies: { node: '26.10.0' } });
  write('package-lock.json', lock({ a: '1.0.0', b: '2.0.0' }));
  write('installs.json', installs);
  const npx =
    installs === undefined
      ? 'echo no network >&2; exit 7'
      : 'mkdir -p node_modules; cp installs.json node_modules/.package-lock.json';
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin', 'npx'), `#!/bin/sh\necho "$@" > asked\n${npx}\n`, { mode: 0o755 });
  return {
    run: () =>
      spawnSync(process.execPath, [join(root, 'scripts', 'setup.mjs')], {
        cwd: '/',
        encoding: 'utf8',
        env: { PATH: `${join(root, 'bin')}:/usr/bin:/bin` },
      }),
    asked: () => (existsSync(join(root, 'asked')) ? readFileSync(join(root, 'asked'), 'utf8') : undefined),
    write,
  };
}

function lock(versions: Readonly<Record<string, string>>, more: object = {}): object {
  const packages = Object.entries(versions).map(([name, version]) => [
    `node_modules/${name}`,
    { version, integrity: version },
  ]);
  return { packages: { ...Object.fromEntries(packages), ...more } };
}

test('with nothing installed, npm runs under the pinned Node, and one line says so', (t) => {
  const repo = checkout(t, lock({ a: '1.0.0', b: '2.0.0' }));
  const { status, stdout, stderr } = repo.run();
  assert.deepEqual([status, stdout], [0, '']);
  assert.equal(stderr, 'Installing dependencies with Node 26.10.0 ...\n');
  assert.match(repo.asked() ?? '', /^-y -p node@26\.10\.0 npm install --no-save /);
});

test('what is installed already is left alone, in silence', (t) => {
  const repo = checkout(t, lock({}));
  repo.write('node_modules/.package-lock.json', lock({ a: '1.0.0', b: '2.0.0' }));
  const optional = {
    'node_modules/other-machine': { version: '1.0.0', optional: true },
    'packages/x': { version: '1' },
  };
  repo.write('package-lock.json', lock({ a: '1.0.0', b: '2.0.0' }, optional));
  assert.deepEqual(repo.run().stderr, '');
  assert.equal(repo.asked(), undefined);
});

test('a package that is missing or of another version is installed', (t) => {
  for (const installed of [{ a: '1.0.0' }, { a: '1.0.0', b: '1.9.0' }] as Record<string, string>[]) {
    const repo = checkout(t, lock({ a: '1.0.0', b: '2.0.0' }));
    repo.write('node_modules/.package-lock.json', lock(installed));
    assert.equal(repo.run().status, 0);
    assert.notEqual(repo.asked(), undefined);
  }
});

test('an install that fails is told with what npm said', (t) => {
  const { status, stderr } = checkout(t, undefined).run();
  assert.equal(status, 1);
  assert.match(stderr, /no network\nerror: npm install ended with 7\. Check the network/);
});
