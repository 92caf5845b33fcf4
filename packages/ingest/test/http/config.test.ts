import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { builtInSources } from '../../src/sources.ts';
import { testContext } from '../support/test-context.ts';

const GOOD = { base_url: 'https://api.example.com', resources: [{ name: 'a', path: '/a' }] };

function refusal(name: keyof typeof builtInSources, config: unknown, context = testContext()) {
  try {
    builtInSources[name].create(config, context);
  } catch (error) {
    assert.ok(isHakiriError(error), String(error));
    assert.equal(error.code, 'source.config');
    return error;
  }
  assert.fail('was not refused');
}

describe('the configuration of a source', () => {
  it('is refused with the nearest key for a misspelling, at any depth', () => {
    const cases: readonly [keyof typeof builtInSources, unknown, string, string][] = [
      ['http', { ...GOOD, heders: {} }, '"heders"', 'headers'],
      [
        'http',
        { ...GOOD, resources: [{ name: 'a', path: '/a', record: 'x' }] },
        '"resources[0].record"',
        'records',
      ],
      [
        'http',
        { ...GOOD, resources: [{ name: 'a', path: '/a', pagination: { type: 'page', szie: 3 } }] },
        '"resources[0].pagination.szie"',
        'size',
      ],
      ['github', { repo: 'a/b', base_ulr: 'x' }, '"base_ulr"', 'base_url'],
      ['file', { paht: 'x', path: 'y' }, '"paht"', 'path'],
    ];
    for (const [name, config, key, suggestion] of cases) {
      const error = refusal(name, config);
      assert.ok(error.message.includes(key), error.message);
      assert.equal(error.hint, `Did you mean "${suggestion}"?`);
    }
  });

  it('is refused with the name of the key that has a wrong value', () => {
    assert.match(refusal('http', { ...GOOD, base_url: 5 }).message, /"base_url" must be a string/);
    assert.match(refusal('http', { ...GOOD, base_url: 'ftp://x' }).message, /base_url/);
    assert.match(
      refusal('http', { ...GOOD, resources: [{ name: 'a', path: '/a', method: 'PUT' }] }).message,
      /"GET", "POST"/,
    );
    assert.match(refusal('github', { repo: 'no-slash' }).message, /"repo"/);
    assert.match(refusal('github', {}).message, /"repo" is missing/);
  });

  it('never repeats a secret that was pasted where its name belongs', () => {
    const pasted = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a';
    for (const token of [pasted, `${pasted}-with/signs`]) {
      const error = refusal('http', { ...GOOD, auth: { type: 'bearer', token } });
      assert.ok(!`${error.message}${error.hint}${JSON.stringify(error.details)}`.includes(pasted));
    }
    const error = refusal('http', { ...GOOD, base_url: 'https://me:hunter22@api.example.com' });
    assert.ok(!error.message.includes('hunter22'));
  });

  it('is refused when resources do not fit together', () => {
    const child = { name: 'b', path: '/a/{x}/b', parent: { resource: 'a', param: 'x', field: 'id' } };
    const bad: readonly (readonly [unknown[], RegExp])[] = [
      [
        [
          { name: 'a', path: '/a' },
          { name: 'a', path: '/b' },
        ],
        /two resources/,
      ],
      [[{ ...child, parent: { ...child.parent, resource: 'c' } }], /no resource "c"/],
      [[{ ...child, parent: { ...child.parent, resource: 'b' } }], /its own parent/],
      [[{ name: 'a', path: '/a/{x}' }], /no parent/],
      [
        [
          { name: 'a', path: '/a' },
          { ...child, path: '/b' },
        ],
        /does not hold \{x\}/,
      ],
      [[{ name: 'a', path: '/a', incremental: {} }], /names no column/],
      [[{ name: 'a', path: '/a', incremental: { column: 'c', seek: true } }], /seek/],
    ];
    for (const [resources, message] of bad) {
      assert.match(refusal('http', { base_url: GOOD.base_url, resources }).message, message);
    }
  });

  it('is refused when an address would hold what is redacted before it is written', () => {
    const resources = [
      { name: 'a', path: '/a' },
      { name: 'b', path: '/a/{x}/{y}', parent: { resource: 'a', param: 'x', field: 'user.mail' } },
    ];
    const config = { base_url: GOOD.base_url, resources };
    const table = { incremental: undefined, mode: undefined, maxRecordBytes: 1000 };
    for (const [source, column] of [
      ['a', 'user.mail'],
      ['a', 'user'],
      ['a', 'y'],
      ['b', 'x'],
    ] as const) {
      const context = testContext({ tables: [{ ...table, source, redacted: ['other', column] }] });
      assert.match(refusal('http', config, context).message, new RegExp(`${source}\\.${column}`));
    }
    const context = testContext({ tables: [{ ...table, source: 'b', redacted: ['user.mail'] }] });
    builtInSources.http.create(config, context);
  });

  it('tells its tables without a secret or a request', () => {
    const config = {
      base_url: GOOD.base_url,
      auth: { type: 'bearer', token: 'NOT_SET' },
      resources: [
        {
          name: 'a',
          path: '/a',
          primary_key: 'id',
          incremental: { column: 'at', param: 'since', order: 'ascending' },
        },
      ],
    };
    assert.deepEqual(builtInSources.http.describeTables(config, testContext()), [
      {
        name: 'a',
        primaryKey: ['id'],
        incremental: 'at',
        cursorKind: 'monotonic',
        readingOrder: 'ascending',
      },
    ]);
  });

  it('describes every key', () => {
    const undescribed = (schema: unknown, path: string): string[] => {
      const node = schema as {
        properties?: Record<string, { description?: string }>;
        items?: unknown;
        oneOf?: unknown[];
        anyOf?: unknown[];
      };
      const own = Object.entries(node.properties ?? {}).flatMap(([key, value]) => [
        ...(value.description === undefined ? [`${path}.${key}`] : []),
        ...undescribed(value, `${path}.${key}`),
      ]);
      const inner = [
        ...(node.oneOf ?? []),
        ...(node.anyOf ?? []),
        ...(node.items === undefined ? [] : [node.items]),
      ];
      return [...own, ...inner.flatMap((item) => undescribed(item, path))];
    };
    for (const [name, { configSchema }] of Object.entries(builtInSources)) {
      assert.deepEqual(undescribed(configSchema.toJSONSchema({ io: 'input' }), name), []);
    }
  });
});
