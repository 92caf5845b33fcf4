import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type JsonValue, parseAddress, parseAsOf, rowAddress, runAddress, tableAddress } from '@hakiri/core';
import fc from 'fast-check';

describe('an address', () => {
  test('is read back as what it was made of, whatever the key holds', () => {
    const key = fc.array(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null)),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), key, (project, values: JsonValue[]) => {
        const address = rowAddress(project, 'notes', values);
        assert.match(address, /^[!-~]+$/);
        assert.deepEqual(parseAddress(address), { kind: 'row', project, table: 'notes', key: values });
      }),
    );
    assert.deepEqual(parseAddress(tableAddress('demo', 'notes')), {
      kind: 'table',
      project: 'demo',
      table: 'notes',
    });
    assert.deepEqual(parseAddress(runAddress('demo', '01K')), { kind: 'run', project: 'demo', run: '01K' });
  });

  for (const text of [
    '',
    'hakiri://',
    'hakiri://demo',
    'hakiri://demo/tables',
    'hakiri://demo/tables/',
    'hakiri:///tables/notes',
    'hakiri://demo/tables/notes/rows',
    'hakiri://demo/tables/notes/rows/',
    'hakiri://demo/tables/notes/rows/1',
    'hakiri://demo/tables/notes/rows/%5B%5D',
    'hakiri://demo/tables/notes/rows/%7B%7D',
    'hakiri://demo/tables/notes/rows/%5B1',
    'hakiri://demo/tables/notes/rows/%5B1%5D/more',
    'hakiri://demo/tables/notes/columns/%5B1%5D',
    'hakiri://demo/tables/%',
    'hakiri://demo/runs/a/b',
    'http://demo/tables/notes',
    'hakiri:/demo/tables/notes',
  ]) {
    test(`"${text}" is none`, () => assert.equal(parseAddress(text), undefined));
  }
});

describe('a moment or a run', () => {
  for (const [text, expected] of [
    ['2026-11-01', { time: '2026-11-01T00:00:00.000Z' }],
    ['2026-11-01T10:00', { time: '2026-11-01T10:00:00.000Z' }],
    ['2026-11-01 10:00:00.5', { time: '2026-11-01T10:00:00.500Z' }],
    ['2026-11-01T10:00:00+0200', { time: '2026-11-01T08:00:00.000Z' }],
    ['2026-11-01t10:00:00z', { time: '2026-11-01T10:00:00.000Z' }],
    ['01k0000000000000000000000a', { run: '01K0000000000000000000000A' }],
    ['yesterday', undefined],
    ['2026-13-01', undefined],
    ['', undefined],
  ] as const) {
    test(`"${text}"`, () => assert.deepEqual(parseAsOf(text), expected));
  }
});
