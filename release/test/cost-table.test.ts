import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costTable } from '../src/cost-table.ts';
import { costsOf } from '../src/costs.ts';

const component = (name: string, version: string, files: readonly string[] = []) => ({
  name,
  version,
  licence: 'MIT',
  purl: `pkg:npm/${name}@${version}`,
  files,
});

test('natives cost what their files take, packages their share of the bundle and its compiled code', () => {
  const { parts, bytes } = costsOf({
    version: '1.0.0',
    bytes: 1_000,
    packedSizes: new Map([
      ['node', 500],
      ['hakiri.cjs', 100],
      ['hakiri.cache', 101],
      ['LICENCES.txt', 40],
      ['idle.so', 9],
    ]),
    components: [component('node', '26.0.0', ['node']), component('a', '1.0.0'), component('@b/c', '2.0.0')],
    modules: [
      { path: 'node_modules/a/index.js', bytes: 20 },
      { path: 'packages/server/node_modules/a/index.js', bytes: 10 },
      { path: 'node_modules/@b/c/node_modules/d/index.js', bytes: 10 },
      { path: 'node_modules/@b/c/index.js', bytes: 20 },
      { path: 'packages/core/src/a.ts', bytes: 30 },
      { path: 'builtin:node:fs', bytes: 10 },
    ],
  });
  assert.equal(bytes, 1_000);
  assert.deepEqual(parts, {
    '@b/c': { version: '2.0.0', bytes: 41 },
    '@hakiri/core': { bytes: 60 },
    a: { version: '1.0.0', bytes: 60 },
    d: { bytes: 20 },
    'joints of the bundle': { bytes: 20 },
    launcher: { bytes: 259 },
    'licences and lists': { bytes: 40 },
    node: { version: '26.0.0', bytes: 500 },
  });
});

test('the table says what is new, gone, grown and of another version since the last release', () => {
  const last = {
    version: '1.0.0',
    bytes: 3_600_000,
    parts: {
      node: { version: '26.0.0', bytes: 2_000_000 },
      small: { version: '1.0.0', bytes: 50_000 },
      grew: { version: '1.0.0', bytes: 500_000 },
      gone: { version: '3.0.0', bytes: 1_050_000 },
    },
  };
  const now = {
    version: '1.1.0',
    bytes: 3_050_000,
    parts: {
      // More than 100 KB, and less than a tenth.
      node: { version: '26.1.0', bytes: 2_190_000 },
      // More than a tenth, and less than 100 KB.
      small: { version: '1.0.0', bytes: 140_000 },
      grew: { version: '1.0.0', bytes: 700_000 },
      added: { version: '0.1.0', bytes: 20_000 },
    },
  };
  assert.equal(
    costTable('hakiri', now, last),
    `     KB now       last     change  hakiri, since 1.0.0
     2190.0     2000.0     +190.0  node 26.0.0 -> 26.1.0
      700.0      500.0     +200.0  grew 1.0.0  GREW
      140.0       50.0      +90.0  small 1.0.0
       20.0          -             added 0.1.0  NEW
          -     1050.0             gone 3.0.0  GONE
     3050.0     3600.0     -550.0  the whole program
`,
  );
  const alone = costTable('hakiri', now, undefined);
  assert.match(alone, /nothing released to compare with/);
  assert.doesNotMatch(alone, /NEW/);
});
