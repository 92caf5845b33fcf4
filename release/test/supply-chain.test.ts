import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type Schema, Validator } from '@cfworker/json-schema';
import { licenceList } from '../src/licences.ts';
import { differencesFromLock } from '../src/lock.ts';
import { ROOT } from '../src/paths.ts';
import { PROFILES, type ReleaseProfile } from '../src/profile.ts';
import { differencesFromPinned } from '../src/runtime.ts';
import { emptyFolder, releasedProgram } from './support/released.ts';

const SCHEMAS = join(ROOT, 'node_modules/@cyclonedx/cyclonedx-library/res/schema');

function schema(name: string): Schema {
  return JSON.parse(readFileSync(join(SCHEMAS, `${name}.SNAPSHOT.schema.json`), 'utf8'));
}

interface Bom {
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly licenses: readonly { readonly expression: string }[];
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
    readonly components?: Bom['components'];
  }[];
}

function billOf(profile: ReleaseProfile): Bom {
  return JSON.parse(readFileSync(`${releasedProgram(profile)}.cdx.json`, 'utf8'));
}

test('the bills of materials are CycloneDX 1.6', () => {
  const validator = new Validator(schema('bom-1.6'), '7', false);
  for (const name of ['spdx', 'jsf-0.82']) validator.addSchema(schema(name));
  for (const profile of PROFILES) assert.deepEqual(validator.validate(billOf(profile)).errors, []);
  const { components, ...wrong } = billOf('core');
  assert.equal(validator.validate({ ...wrong, components: [{ name: 'no type' }] }).valid, false);
  assert.ok(components.length > 0);
});

test('every component has a hash, and a licence that SPDX knows', () => {
  const known = new Set(schema('spdx').enum as readonly string[]);
  for (const profile of PROFILES) {
    for (const { purl, hashes = [], licenses, components = [] } of billOf(profile).components) {
      const all = [...hashes, ...components.flatMap((file) => file.hashes ?? [])];
      assert.ok(all.length > 0, purl);
      for (const { alg, content } of all)
        assert.match(content, alg === 'SHA-512' ? /^[0-9a-f]{128}$/ : /^[0-9a-f]{64}$/, purl);
      for (const word of licenses[0]?.expression.split(/ (?:AND|OR|WITH) /) ?? ['none'])
        assert.ok(known.has(word), `${purl}: ${word}`);
    }
  }
});

test('every component comes with the text of its licence', () => {
  for (const profile of PROFILES) {
    const list = readFileSync(join(`${releasedProgram(profile)}-unpacked`, 'LICENCES.txt'), 'utf8');
    const texts = new Map(
      list
        .split(`${'='.repeat(78)}\n`)
        .slice(1)
        .map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n'))]),
    );
    for (const { name } of billOf(profile).components) {
      const text = texts.get(name) ?? '';
      assert.match(text, /copyright|licen[cs]e/i, name);
      assert.match(text, /redistribut|permission|permitted|all rights|public domain/i, name);
    }
    assert.match(texts.get('node') ?? '', /Node\.js contributors/);
    assert.match(texts.get('node') ?? '', /V8/);
  }
});

test('a component without the text of its licence is refused', () => {
  const wrong = { name: 'x', version: '1.0.0', licence: 'MIT', purl: 'pkg:npm/x@1.0.0', files: [] };
  assert.throws(() => licenceList([wrong]), /x 1\.0\.0 comes without the text of its licence, MIT/);
});

const INTEGRITY = `sha512-${Buffer.alloc(64, 1).toString('base64')}`;

test('what is installed in another version than is locked, or from another package, is told', (t) => {
  const root = emptyFolder(t);
  const write = (name: string, content: object): void => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), JSON.stringify(content));
  };
  const locked = (more: object = {}) => ({
    packages: {
      '': { name: 'root' },
      'node_modules/ours': { link: true },
      'node_modules/a': { version: '1.0.0', integrity: INTEGRITY },
      'packages/x/node_modules/a': { version: '2.0.0', integrity: INTEGRITY },
      'node_modules/elsewhere': { version: '1.0.0', integrity: INTEGRITY, optional: true },
      ...more,
    },
  });
  write('package-lock.json', locked());
  write('node_modules/.package-lock.json', locked());
  write('node_modules/a/package.json', { version: '1.0.0' });
  assert.deepEqual(differencesFromLock(root), [
    'packages/x/node_modules/a: 2.0.0 is locked, nothing is installed',
  ]);
  write('packages/x/node_modules/a/package.json', { version: '2.0.0' });
  assert.deepEqual(differencesFromLock(root), []);
  write('packages/x/node_modules/a/package.json', { version: '2.0.1' });
  assert.deepEqual(differencesFromLock(root), [
    'packages/x/node_modules/a: 2.0.0 is locked, 2.0.1 is installed',
  ]);
  write('packages/x/node_modules/a/package.json', { version: '2.0.0' });
  const integrity = `sha512-${Buffer.alloc(64, 2).toString('base64')}`;
  write('node_modules/.package-lock.json', locked({ 'node_modules/a': { version: '1.0.0', integrity } }));
  assert.deepEqual(differencesFromLock(root), [
    'node_modules/a: 1.0.0 was installed from a package with another hash',
  ]);
});

test('the runtime is the one that is pinned; another is told', (t) => {
  assert.deepEqual(differencesFromPinned(), []);
  const root = emptyFolder(t);
  writeFileSync(join(root, 'node'), 'another');
  writeFileSync(join(root, 'pinned'), `${'0'.repeat(64)}  node\n`);
  assert.match(differencesFromPinned(join(root, 'pinned'), root).join('\n'), /^node: 0{64} is pinned/);
});
