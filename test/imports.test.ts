import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

/** Who may import whom. Core besides imports nothing of Node: it has to run anywhere. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  engine: ['core'],
  access: ['core'],
  ingest: ['core'],
  store: ['core', 'engine'],
  retrieval: ['core', 'engine', 'access', 'store'],
  server: ['core'],
  cli: ['core', 'engine', 'access', 'store', 'ingest', 'retrieval', 'server'],
};

const root = new URL('..', import.meta.url).pathname;
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*(?:\{[^}]*\}[^'"\n;]*)?\bfrom\s+['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s+['"]([^'"]+)['"]/g;

function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function breaches(packageName: string, text: string): string[] {
  return importsOf(text).filter((specifier) => {
    if (specifier.startsWith('@hakiri/')) {
      const target = specifier.split('/')[1] ?? '';
      return target !== packageName && !MAY_IMPORT[packageName]?.includes(target);
    }
    if (specifier.startsWith('.')) return /\.\.\/(?:\.\.\/)*[^/]+\/src\//.test(specifier);
    return packageName === 'core' && specifier.startsWith('node:');
  });
}

test('each package imports only what it may', () => {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root });
  assert.ok(files.length > 50);
  const found = files.flatMap((file) => {
    const packageName = file.split('/')[1] ?? '';
    assert.ok(packageName in MAY_IMPORT, `${packageName} is not in the table`);
    return breaches(packageName, readFileSync(`${root}/${file}`, 'utf8')).map(
      (specifier) => `${file} imports ${specifier}`,
    );
  });
  assert.deepEqual(found, []);
});

test('each package depends on exactly those of ours that it imports', () => {
  for (const packageName of Object.keys(MAY_IMPORT)) {
    const { dependencies = {} } = JSON.parse(
      readFileSync(`${root}/packages/${packageName}/package.json`, 'utf8'),
    ) as {
      dependencies?: Record<string, string>;
    };
    const files = globSync(`packages/${packageName}/src/**/*.ts`, { cwd: root });
    const used = new Set(
      files
        .flatMap((file) => importsOf(readFileSync(`${root}/${file}`, 'utf8')))
        .filter((s) => !/^(\.|node:)/.test(s)),
    );
    const names = [...used].map((specifier) =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    );
    assert.deepEqual([...new Set(names)].sort(), Object.keys(dependencies).sort(), packageName);
    for (const [name, version] of Object.entries(dependencies))
      assert.match(version, /^\d+\.\d+\.\d+/, `${name} is not pinned`);
  }
});

test('the rule finds what breaks it', () => {
  assert.deepEqual(breaches('core', "import { readFile } from 'node:fs';"), ['node:fs']);
  assert.deepEqual(breaches('ingest', "import type { Store } from '@hakiri/store';"), ['@hakiri/store']);
  assert.deepEqual(breaches('engine', "const x = await import('@hakiri/cli');"), ['@hakiri/cli']);
  assert.deepEqual(breaches('engine', "export * from '../../store/src/index.ts';"), [
    '../../store/src/index.ts',
  ]);
  assert.deepEqual(breaches('store', "import {\n  a,\n  b,\n} from '@hakiri/ingest';"), ['@hakiri/ingest']);
  assert.deepEqual(breaches('cli', "import { a } from '@hakiri/ingest';"), []);
});
