import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ColumnAction, RedactionSpec, TableSchema } from '@hakiri/core';
import { fuzzCount, type Random, underSeeds } from '../../../../test/support/random.ts';
import { createTableRedactor, hashText, pseudonymsOf, tokenizeText } from '../../src/index.ts';

const PSEUDONYMS = pseudonymsOf(Buffer.alloc(32, 7));
const NOTHING: TableSchema = { columns: [] };
const SECRET = 'ada@example.com';
const HASHED = hashText(SECRET, PSEUDONYMS);

interface Given {
  readonly columns?: Readonly<Record<string, ColumnAction>>;
  readonly unknown?: 'pass' | 'redact';
  readonly named?: readonly string[];
  readonly primaryKey?: readonly string[];
  readonly declared?: TableSchema;
  readonly known?: TableSchema;
}

function redactor({
  columns = {},
  unknown = 'pass',
  named = [],
  primaryKey = ['id'],
  declared = NOTHING,
}: Given) {
  const spec: RedactionSpec = {
    columns: Object.entries(columns).map(([path, action]) => ({ path, action, piiType: 'email' })),
    unknown,
    named,
    primaryKey,
  };
  return createTableRedactor(spec, declared, PSEUDONYMS);
}

function redacted(given: Given, ...lines: readonly string[]): readonly string[] {
  const { lines: left } = redactor(given)
    .records(given.known ?? NOTHING)
    .redact(Buffer.from(lines.map((line) => `${line}\n`).join('')));
  const text = Buffer.from(left).toString('utf8');
  return text === '' ? [] : text.slice(0, -1).split('\n');
}

const HASH = { columns: { email: 'hash' } } as const;

test('a value is replaced, and every other byte stays', () => {
  const line = `  { "id" : 9007199254740993 ,"price":1.10e2, "email" :\t"${SECRET}" , "note":"\\u00e9\\/" }\r`;
  assert.deepEqual(redacted(HASH, line), [line.replace(`"${SECRET}"`, `"${HASHED}"`)]);
});

test('each action leaves what it leaves where columns are read', () => {
  const line = `{"id":1,"email":"${SECRET}","n":2}`;
  const left = (action: ColumnAction) => redacted({ columns: { email: action } }, line)[0];
  assert.equal(left('redact'), '{"id":1,"email":null,"n":2}');
  assert.equal(left('mask'), '{"id":1,"email":"a***@***.com","n":2}');
  assert.equal(left('hash'), `{"id":1,"email":"${HASHED}","n":2}`);
  assert.equal(left('tokenize'), `{"id":1,"email":"${tokenizeText(SECRET, PSEUDONYMS)}","n":2}`);
  assert.equal(left('deny'), '{"id":1,"n":2}');
});

test('escapes spell the same value and the same key', () => {
  const line = '{"\\u0065mail":"ada\\u0040example.com","x":1}';
  assert.deepEqual(redacted(HASH, line), [`{"\\u0065mail":"${HASHED}","x":1}`]);
});

test('a key that stands twice, or in another case, is replaced each time', () => {
  const line = `{"email":"${SECRET}","EMAIL":"${SECRET}","email":"${SECRET}"}`;
  assert.deepEqual(redacted(HASH, line), [line.replaceAll(SECRET, HASHED)]);
});

test('a path reaches into objects, into each object of a list, and through keys that hold its dots', () => {
  const given = { columns: { 'user.mail.work': 'hash' } } as const;
  const lines = [
    `{"user":{"mail":{"work":"${SECRET}","home":"x"}}}`,
    `{"user":[{"mail":[{"work":"${SECRET}"},{"work":"${SECRET}"}]},{"mail":[]}]}`,
    `{"user.mail.work":"${SECRET}"}`,
    `{"user.mail":{"work":"${SECRET}"}}`,
    `{"user":{"mail.work":"${SECRET}"}}`,
  ];
  assert.deepEqual(
    redacted(given, ...lines),
    lines.map((line) => line.replaceAll(SECRET, HASHED)),
  );
});

test('where a path cannot go on, what stands there is left out', () => {
  const given = { columns: { 'user.mail': 'hash' } } as const;
  assert.deepEqual(redacted(given, `{"user":"${SECRET}"}`, `{"user":["${SECRET}",[1]]}`), [
    '{"user":null}',
    '{"user":[null,[null]]}',
  ]);
});

test('an object or a list in a place that has an action is left out', () => {
  assert.deepEqual(redacted(HASH, `{"email":{"a":"${SECRET}"}}`, `{"email":["${SECRET}"]}`), [
    '{"email":null}',
    '{"email":null}',
  ]);
});

test('numbers are hashed as the column would show them, and masked to nothing', () => {
  const line = '{"email":12345678901234567890}';
  assert.deepEqual(redacted(HASH, line), [`{"email":"${hashText('12345678901234567890', PSEUDONYMS)}"}`]);
  const declared: TableSchema = {
    columns: [{ name: 'email', type: { kind: 'decimal', precision: 10, scale: 2 } }],
  };
  assert.deepEqual(redacted({ ...HASH, declared }, '{"email":1.5}', '{"email":"1.50"}'), [
    `{"email":"${hashText('1.50', PSEUDONYMS)}"}`,
    `{"email":"${hashText('1.50', PSEUDONYMS)}"}`,
  ]);
  assert.deepEqual(redacted({ columns: { email: 'mask' } }, line), ['{"email":null}']);
});

test('members that are denied go with one comma each', () => {
  const given = { columns: { a: 'deny', b: 'deny' } } as const;
  const lines = [
    '{"a":1,"b":2}',
    '{"a":1,"x":0,"b":2}',
    '{"x":0,"a":1,"b":2,"y":3}',
    '{ "a" : {"b":[1]} , "x" : 0 }',
  ];
  assert.deepEqual(
    redacted(given, ...lines).map((line) => JSON.parse(line)),
    [{}, { x: 0 }, { x: 0, y: 3 }, { x: 0 }],
  );
});

test('what is not a JSON object is left out, and only a keyed digest of its bytes is told', () => {
  const broken = [
    `{"email":"${SECRET}"`,
    `{"email":"${SECRET}}`,
    `{"email" "${SECRET}"}`,
    `{"a":1 "email":"${SECRET}"}`,
    `{"email":${SECRET}}`,
    `{"email":"${SECRET}"} x`,
    `{"a":"x" y","email":"${SECRET}"}`,
    `{"a":[1,"email":"${SECRET}"}`,
    `"${SECRET}"`,
    `["${SECRET}"]`,
    `{"a":"\\`,
    `${'{"user":'.repeat(1500)}1${'}'.repeat(1500)}`,
  ];
  const { lines, setAside } = redactor({
    columns: { email: 'hash', [Array(7).fill('user').join('.')]: 'hash' },
  })
    .records(NOTHING)
    .redact(Buffer.from(`{"id":1}\n${broken.join('\n')}\n{"id":2}\n\n`));
  const left = Buffer.from(lines).toString('utf8');
  assert.match(left, /^\{"id":1\}\n/);
  assert.equal(left.includes(SECRET), false);
  assert.equal(JSON.stringify(setAside).includes(SECRET), false);
  assert.equal(
    setAside.length,
    broken.length - 1,
    'the one that is nested deeply below its path is passed over',
  );
  for (const { record, digest, code } of setAside) {
    assert.equal(record.length, 0);
    assert.match(digest ?? '', /^h_[0-9a-f]{32}$/);
    assert.match(code, /^record\.(malformed_json|not_object)$/);
  }
});

test('a key that nobody named is kept without its value, and told once', () => {
  const records = redactor({ ...HASH, unknown: 'redact', named: ['id', 'email', 'user.login'] }).records({
    columns: [
      { name: 'title', type: { kind: 'string' } },
      { name: 'void', type: { kind: 'undecided' } },
    ],
  });
  const line = `{"id":1,"title":"t","phone":"1","void":"2","user":{"login":"l","mail":"${SECRET}"},"nil":null,"_hakiri_deleted":true}`;
  const { lines } = records.redact(Buffer.from(`${line}\n${line}\n`));
  const once =
    '{"id":1,"title":"t","phone":null,"void":null,"user":{"login":"l","mail":null},"nil":null,"_hakiri_deleted":true}';
  assert.equal(Buffer.from(lines).toString('utf8'), `${once}\n${once}\n`);
  assert.deepEqual([...records.unnamed], ['phone', 'void', 'user.mail']);
});

test('a key that may be a value itself is not kept either', () => {
  const given = { unknown: 'redact', named: ['id', 'by'] } as const;
  const lines = [`{"${SECRET}":1,"id":1}`, '{"id":1,"4111111111111111":true,"card 4111 1111 1111 1111":2}'];
  assert.deepEqual(redacted(given, ...lines), ['{"id":1}', '{"id":1}']);
  const records = redactor(given).records(NOTHING);
  records.redact(Buffer.from(`${lines.join('\n')}\n`));
  assert.deepEqual([...records.unnamed], ['a key that may be a value itself']);
});

test('what files hold in clear already goes on', () => {
  const known: TableSchema = {
    columns: [
      { name: 'tags', type: { kind: 'list', item: { kind: 'string' } } },
      { name: 'any', type: { kind: 'json' } },
      { name: 'user', type: { kind: 'struct', fields: [{ name: 'login', type: { kind: 'string' } }] } },
    ],
  };
  const line = '{"tags":["a"],"any":{"x":["y"]},"user":{"login":"l","new":1}}';
  assert.deepEqual(redacted({ unknown: 'redact', known }, line), [line.replace('"new":1', '"new":null')]);
});

test('a record that is set aside is told by its key, as the table would hold it', () => {
  const { withoutContent } = redactor({ ...HASH, primaryKey: ['id'] });
  const aside = withoutContent({
    code: 'record.type_conflict',
    reason: 'n holds int64, the record has a string',
    column: 'n',
    record: Buffer.from(`{"id":9007199254740993,"note":"${SECRET}"}`),
  });
  assert.equal(aside.record.length, 0);
  assert.equal(aside.digest, hashText('9007199254740993', PSEUDONYMS));
  assert.equal(JSON.stringify(aside).includes(SECRET), false);
});

test('declared types become what the actions leave', () => {
  const declared: TableSchema = {
    columns: [
      { name: 'age', type: { kind: 'int32' } },
      { name: 'gone', type: { kind: 'string' } },
      {
        name: 'user',
        type: { kind: 'list', item: { kind: 'struct', fields: [{ name: 'born', type: { kind: 'date' } }] } },
      },
    ],
  };
  const columns = { age: 'hash', gone: 'deny', 'user.born': 'tokenize', email: 'hash' } as const;
  assert.deepEqual(redactor({ columns, declared }).declared(declared).columns, [
    { name: 'age', type: { kind: 'string' } },
    {
      name: 'user',
      type: { kind: 'list', item: { kind: 'struct', fields: [{ name: 'born', type: { kind: 'string' } }] } },
    },
    { name: 'email', type: { kind: 'string' } },
  ]);
});

// Against a redactor that parses and writes whole records.

test('random records are left as the plain way would leave them, and damaged ones never in clear', () => {
  underSeeds(fuzzCount(2000), (random) => {
    const record = randomObject(random, 0);
    const text = spelled(random, record);
    const columns = { a: 'hash', 'b.c': 'redact', 'b.d.a': 'deny', c: 'deny' } as const;
    assert.deepEqual(JSON.parse(redacted({ columns }, text)[0] ?? 'null'), plainly(record, ['']), text);
    const at = random.below(text.length);
    const wrong = random.pick(['', '"', '}', ',', '{', '\\', ':', 'a']);
    const damaged = `${text.slice(0, at)}${wrong}${text.slice(at + random.below(3))}`;
    for (const line of redacted({ columns }, damaged)) {
      if (!isObject(line)) continue;
      if (isObject(damaged)) assert.deepEqual(JSON.parse(line), plainly(JSON.parse(damaged), ['']), damaged);
      else assert.equal(line.includes(SECRET), false, damaged);
    }
  });
});

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

function randomObject(random: Random, depth: number): { readonly [key: string]: Json } {
  return Object.fromEntries(
    random.many(random.below(5), () => [
      random.pick(['a', 'b', 'c', 'd', 'x y']),
      randomJson(random, depth + 1),
    ]),
  );
}

function randomJson(random: Random, depth: number): Json {
  const kind = random.below(depth > 4 ? 4 : 7);
  if (kind === 0) return null;
  if (kind === 1) return random.chance(0.5);
  if (kind === 2) return random.below(1000) / 4;
  if (kind === 3) return random.pick(['', 'é"\\', 'plain', '{"a":1}', '],}']);
  if (kind === 4) return random.many(random.below(4), () => randomJson(random, depth + 1));
  return randomObject(random, depth);
}

function spelled(random: Random, value: Json): string {
  const blank = (): string => random.pick(['', '', ' ', '\t', ' \r']);
  const written = (inner: Json): string => {
    if (Array.isArray(inner))
      return `[${blank()}${inner.map(written).join(`${blank()},${blank()}`)}${blank()}]`;
    if (typeof inner !== 'object' || inner === null) return JSON.stringify(inner);
    const members = Object.entries(inner).map(
      ([key, member]) => `${JSON.stringify(key)}${blank()}:${blank()}${written(member)}`,
    );
    return `{${blank()}${members.join(`${blank()},${blank()}`)}${blank()}}`;
  };
  return `${blank()}${written(value)}${blank()}`;
}

/** `paths`: where the value stands, lists left out. */
function plainly(value: Json, path: readonly string[]): Json {
  const at = path.slice(1).join('.');
  const isBox = typeof value === 'object' && value !== null;
  if (at === 'a') return isBox || value === null ? null : hashText(String(value), PSEUDONYMS);
  if (at === 'b.c') return null;
  if (!isBox) return at === 'b' || at === 'b.d' ? null : value;
  if (Array.isArray(value)) return value.map((item) => plainly(item, path));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => {
      const below = [...path, key];
      return ['c', 'b.d.a'].includes(below.slice(1).join('.')) ? [] : [[key, plainly(member, below)]];
    }),
  );
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
