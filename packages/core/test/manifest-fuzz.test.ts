import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHakiriError, type Manifest } from '@hakiri/core';
import { type ManifestFormat, parseManifestText, readManifest, toJson, toToml } from '@hakiri/core/manifest';
import { fuzzCount, type Random, seededRandom, TEST_SEED } from '../../../test/support/random.ts';

const COUNT = fuzzCount(300);
const SEED = TEST_SEED;

const BASE = {
  project: { name: 'demo' },
  pipeline: [
    {
      id: 'github-issues',
      source: {
        connector: 'github',
        config: { repo: ['a/b', 'c/d'], deep: { x: [{ y: 1.5 }, { z: true }] } },
      },
      secrets: ['GITHUB_TOKEN'],
      allow_hosts: ['127.0.0.1:8080'],
      incremental: 'updated_at',
      lookback: '10m',
      schedule: 'every 15m',
      jitter: '30s',
      inference_zone_allowed: ['local:device', 'on-prem:*'],
      tables: [
        {
          source: 'issues',
          name: 'github_issues',
          primary_key: ['id'],
          mode: 'merge',
          commit_every: '100000 rows',
          max_record: '16 MB',
          indexes: {
            words: { kind: 'fts', columns: ['title', 'body'], analyzer: 'simple' },
            near: { kind: 'vector', column: 'body', model: 'm', dim: 8 },
            built_in: { kind: 'vector', columns: ['title', 'body'], scan: 'float' },
          },
          columns: {
            email: { type: 'string', inference_zone_allowed: ['local:*'], agent_hint: 'A "hint"\n\u007f.' },
            id: { type: 'int64' },
            card: { pii_type: 'credit_card', on_write: 'hash' },
            body: { contains: ['github_issues.card'] },
          },
        },
        'releases',
      ],
      transforms: [
        {
          table: 'github_issues',
          with_columns: { d: 'a / 2' },
          filter: "x <> ''",
          explode: 'l',
          drop: ['l'],
        },
      ],
    },
    { id: 'files', source: { connector: 'file' }, tables: ['a'] },
  ],
  transforms: [{ table: 'file_a', cast: { a: 'decimal(18,2)' }, select: ['a'], rename: { a: 'b' } }],
  embedding: {
    m: { endpoint: 'http://127.0.0.1:1/v1/embeddings', zone: 'on-prem:a', batch: 7, timeout: '5s' },
  },
  policy: [
    { table: 'github_issues', rows: "state = 'open'", columns: { 'user.login': 'mask' }, min_group: 3 },
  ],
  policy_test: [
    {
      name: 'n',
      table: 'github_issues',
      as: { zone: 'local:device', column: { id: 'deny' } },
      hides: ['id'],
      columns: { x: 'clear' },
    },
  ],
};

const VALUES: readonly unknown[] = [
  null,
  '',
  'x',
  '10m',
  'int64',
  'struct<',
  'struct<a: int64>[]',
  '100 rows',
  0,
  -1,
  1.5,
  1e21,
  2 ** 60,
  true,
  [],
  {},
  [[]],
  [{}],
  { a: { a: {} } },
  'é"\\',
  '\u0000',
  '=',
  '__proto__',
  'replace',
  'redact',
  { type: 'int64' },
  ['id'],
  'every 1m',
  '*/5 * * * *',
  'vector',
  8,
];
const KEYS = [
  'schedule',
  'tables',
  '',
  'constructor',
  'toString',
  'a.b',
  'naïve',
  'name',
  'filter',
  'indexes',
  '1',
  'type',
];

test(`${COUNT} random changes of a manifest give a model that survives conversion, or an error with a code`, () => {
  let accepted = 0;
  for (let i = 0; i < COUNT; i++) {
    const seed = SEED + i;
    const random = seededRandom(seed);
    const format: ManifestFormat = random.pick(['toml', 'json']);
    const value: unknown = structuredClone(BASE);
    for (let change = random.below(3); change > 0; change--) changeValue(random, value);
    const text = random.chance(0.4) ? changeText(random, write(value, format)) : write(value, format);
    const started = performance.now();
    try {
      accepted += checkText(text, format) ? 1 : 0;
    } catch (error) {
      throw new Error(`HAKIRI_SEED=${seed} HAKIRI_FUZZ_COUNT=1\n${text}`, { cause: error });
    }
    assert.ok(performance.now() - started < 2000, `HAKIRI_SEED=${seed}: took too long`);
  }
  assert.ok(accepted > COUNT / 20, `only ${accepted} of ${COUNT} were accepted`);
});

/** True when the text is a manifest. */
function checkText(text: string, format: ManifestFormat): boolean {
  const model = modelOrRefusal(text, format);
  if (model === undefined) return false;
  const raw = parseManifestText(text, { file: 'x', format });
  for (const [written, as] of [
    [toToml(raw), 'toml'],
    [toJson(raw), 'json'],
  ] as const) {
    assert.deepEqual(readManifest([{ file: `hakiri.${as}`, text: written }]), model, written);
  }
  return true;
}

function modelOrRefusal(text: string, format: ManifestFormat): Manifest | undefined {
  try {
    return readManifest([{ file: `hakiri.${format}`, text }]);
  } catch (error) {
    assert.ok(isHakiriError(error), `threw ${error}`);
    assert.match(error.code, /^(manifest\.|embedding\.(unknown_model|zone_refused)$)/);
    return undefined;
  }
}

function write(value: unknown, format: ManifestFormat): string {
  return format === 'json' ? toJson(value) : toToml(value);
}

type Container = Record<string, unknown>;

/** Replaces, removes, adds or moves one thing somewhere in a tree of values. */
function changeValue(random: Random, root: unknown): void {
  let node = root as Container;
  for (;;) {
    const inner = Object.values(node).filter((value) => typeof value === 'object' && value !== null);
    if (inner.length === 0 || random.chance(0.3)) break;
    node = random.pick(inner) as Container;
  }
  if (Array.isArray(node))
    node.splice(random.below(node.length + 1), random.below(2), randomPart(random, node));
  else changeKey(random, node);
}

function changeKey(random: Random, node: Container): void {
  const keys = Object.keys(node);
  const key = keys.length === 0 || random.chance(0.2) ? random.pick(KEYS) : random.pick(keys);
  if (random.chance(0.25)) delete node[key];
  else node[key] = randomPart(random, Object.values(node));
}

/** A new value, or a copy of one that is there. */
function randomPart(random: Random, present: readonly unknown[]): unknown {
  return structuredClone(
    present.length > 0 && random.chance(0.3) ? random.pick(present) : random.pick(VALUES),
  );
}

const PIECES = [
  '"',
  "'",
  '[',
  ']',
  '{',
  '}',
  '=',
  ',',
  '\n',
  '\\',
  '.',
  '#',
  '\0',
  '\ud800',
  '[[',
  '"""',
  'inf',
  '9'.repeat(20),
  '1e999',
  '\r',
  ':',
  'null',
  '2024-01-01',
  ' ',
  '\ufeff',
];

function changeText(random: Random, text: string): string {
  let changed = text;
  for (let change = 1 + random.below(3); change > 0; change--) {
    const at = random.below(changed.length);
    const removed = random.chance(0.5) ? random.below(8) : 0;
    changed =
      changed.slice(0, at) + (random.chance(0.7) ? random.pick(PIECES) : '') + changed.slice(at + removed);
  }
  return changed;
}
