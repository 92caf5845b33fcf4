import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  canonicalArrowJson,
  type LogicalType,
  MAX_STRUCT_FIELDS,
  mergeSchemas,
  parseArrowJson,
  parseTypeName,
  sameType,
  type TableSchema,
  typeName,
  widen,
} from '@hakiri/core';
import { fuzzCount, type Random, seededRandom, TEST_SEED } from '../../../test/support/random.ts';

const type = parseTypeName;
const schema = (columns: Readonly<Record<string, string>>): TableSchema => ({
  columns: Object.entries(columns).map(([name, text]) => ({ name, type: type(text) })),
});
const widened = (from: string, to: string): string | undefined => {
  const wide = widen(type(from), type(to));
  return wide && typeName(wide);
};

test('random types survive being written as a name and as an Arrow schema', () => {
  const seed = TEST_SEED;
  for (let i = 0; i < fuzzCount(300); i++) {
    const random = seededRandom(seed + i);
    const one = randomType(random, 3);
    assert.ok(sameType(parseTypeName(typeName(one)), one), `${seed + i}: ${typeName(one)}`);
    const table = {
      columns: [
        { name: 'a', type: one },
        { name: 'Ä "b"', type: randomType(random, 1) },
      ],
    };
    assert.deepEqual(parseArrowJson(canonicalArrowJson(table)), table, `${seed + i}`);
  }
});

test('widening random types is symmetric in success and holds both', () => {
  const seed = TEST_SEED;
  for (let i = 0; i < fuzzCount(300); i++) {
    const random = seededRandom(seed + i);
    const [a, b] = [randomType(random, 2), randomType(random, 2)];
    const wide = widen(a, b);
    const names = `${seed + i}: ${typeName(a)}, ${typeName(b)}`;
    assert.equal(widen(b, a) === undefined, wide === undefined, names);
    if (wide === undefined) continue;
    assert.ok(sameType(widen(wide, a) ?? a, wide), names);
    assert.ok(sameType(widen(wide, b) ?? b, wide), names);
  }
});

test('a type name that is not one says why', () => {
  const wrong = [
    '',
    'int65',
    'decimal',
    'decimal(39,0)',
    'decimal(2,3)',
    'struct<a int64>',
    'struct<a: int64',
    'int64[',
    'int64 x',
  ];
  for (const text of [
    ...wrong,
    'struct<a: date, A: date>',
    '[]'.repeat(999),
    `${'struct<a: '.repeat(200)}date`,
    'date'.padEnd(9999, '[]'),
  ]) {
    assert.throws(() => parseTypeName(text), { code: 'manifest.wrong_type' }, text.slice(0, 30));
  }
  assert.throws(() => parseTypeName('strng'), /did you mean string/);
  assert.equal(
    typeName(parseTypeName(' STRUCT< "a b" : Decimal( 18 , 2 ) [ ] >')),
    'struct<"a b": decimal(18,2)[]>',
  );
});

test('widening loses nothing', () => {
  assert.equal(widened('undecided', 'date'), 'date');
  assert.equal(widened('int16', 'int64'), 'int64');
  assert.equal(widened('int64', 'int8'), 'int64');
  assert.equal(widened('int64', 'decimal(18,2)'), 'decimal(21,2)');
  assert.equal(widened('decimal(10,2)', 'decimal(6,4)'), 'decimal(12,4)');
  assert.equal(widened('int32[]', 'int64[]'), 'int64[]');
  assert.equal(widened('struct<a: int32>', 'struct<b: date, a: int64>'), 'struct<a: int64, b: date>');
  assert.equal(widened('struct<a: int32>', 'json'), 'json');
  assert.equal(widened('json', 'struct<a: int32>'), 'json');
  assert.equal(widened('undecided[]', 'struct<a: date>[]'), 'struct<a: date>[]');
});

test('what would lose something is not widened', () => {
  const pairs = [
    ['int8', 'double'],
    ['int64', 'string'],
    ['date', 'timestamp'],
    ['string', 'json'],
    ['int64[]', 'json'],
    ['int64', 'int64[]'],
    ['decimal(38,0)', 'decimal(38,10)'],
    ['struct<a: int64>', 'struct<A: int64>'],
    ['struct<a: int64>', 'struct<a: string>'],
  ] as const;
  for (const [from, to] of pairs) assert.equal(widened(from, to), undefined, `${from} and ${to}`);
});

test('a struct that grows past the limit becomes JSON', () => {
  const fields = (prefix: string): string =>
    Array.from({ length: MAX_STRUCT_FIELDS / 2 + 1 }, (_, i) => `${prefix}${i}: int64`).join(', ');
  assert.equal(widened(`struct<${fields('a')}>`, `struct<${fields('b')}>`), 'json');
});

test('schemas merge in order, and the changes are told in words', () => {
  const merged = mergeSchemas(
    schema({ id: 'int32', user: 'struct<login: string, tags: struct<a: int8>[]>' }),
    schema({ milestone: 'json', id: 'int64', user: 'struct<type: string, tags: struct<b: date>[]>' }),
  );
  assert.deepEqual(merged.conflicts, []);
  assert.deepEqual(
    merged.schema.columns.map(({ name }) => name),
    ['id', 'user', 'milestone'],
  );
  assert.deepEqual(merged.changes, [
    'id int32 -> int64',
    '+ field user.tags[].b date',
    '+ field user.type string',
    '+ column milestone json',
  ]);
});

test('a declared type holds whatever comes in, and conflicts only with what the table has', () => {
  const declared = schema({ at: 'timestamp', id: 'int32', later: 'date' });
  const fresh = mergeSchemas(schema({}), schema({ id: 'string', at: 'string' }), declared);
  assert.deepEqual(fresh.schema, schema({ id: 'int32', at: 'timestamp', later: 'date' }));
  assert.deepEqual(fresh.conflicts, []);
  const late = mergeSchemas(schema({ id: 'int64', at: 'undecided' }), schema({}), declared);
  assert.deepEqual(
    late.conflicts.map(({ column, have, got }) => [column, have.kind, got.kind]),
    [['id', 'int64', 'int32']],
  );
  assert.deepEqual(late.schema, schema({ id: 'int64', at: 'timestamp', later: 'date' }));
});

test('columns that clash in type or only in case are conflicts, the table keeps its own', () => {
  const current = schema({ id: 'int64', Name: 'string' });
  const {
    conflicts,
    schema: merged,
    changes,
  } = mergeSchemas(current, schema({ id: 'double', name: 'string' }));
  assert.deepEqual(
    conflicts.map(({ column, existing }) => [column, existing]),
    [
      ['id', 'id'],
      ['name', 'Name'],
    ],
  );
  assert.deepEqual(merged, current);
  assert.deepEqual(changes, []);
});

test('the Arrow form of a schema never changes: its hash names files on disk', () => {
  const table = schema({
    id: 'int64',
    at: 'timestamp',
    raw: 'json',
    price: 'decimal(18,2)[]',
    gone: 'undecided',
  });
  const text = canonicalArrowJson(table);
  assert.equal(
    createHash('sha256').update(text).digest('hex'),
    '8a575c026537e691524a38733e3bc95d3c64396ecaec91ff43fda4ad397a8de8',
  );
  assert.match(text, /"ARROW:extension:name",\s+"value": "arrow.json"/);
});

test('a damaged schema file is refused', () => {
  const good = canonicalArrowJson(schema({ a: 'int64', b: 'struct<c: time>[]' }));
  const bad = [
    '',
    'null',
    '{}',
    '{"fields":[null]}',
    good.replace('64', '65'),
    good.replace('"bitWidth"', '"width"'),
  ];
  for (const text of [...bad, good.replace('"item"', '"other"'), good.replace('true', 'false')]) {
    assert.throws(() => parseArrowJson(text), { code: 'store.damaged' }, text.slice(0, 40));
  }
});

const SCALARS = [
  'boolean',
  'int8',
  'int32',
  'int64',
  'double',
  'string',
  'bytes',
  'date',
  'time',
  'timestamp',
] as const;

function randomType(random: Random, depth: number): LogicalType {
  const choice = random.below(depth > 0 ? 9 : 6);
  if (choice < 3) return { kind: random.pick(SCALARS) };
  if (choice === 3) return { kind: random.pick(['datetime', 'json', 'undecided'] as const) };
  if (choice < 6) {
    const precision = 1 + random.below(38);
    return { kind: 'decimal', precision, scale: random.below(precision + 1) };
  }
  if (choice === 6) return { kind: 'list', item: randomType(random, depth - 1) };
  const names = ['a', 'b', 'a b', 'q"', 'é', 'x.y', ', c: int64'].filter(() => random.chance(0.4));
  return { kind: 'struct', fields: names.map((name) => ({ name, type: randomType(random, depth - 1) })) };
}
