import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_SCHEMA, type LogicalType, type TableSchema, typeName } from '@hakiri/core';
import { Intake, type IntakeOptions } from '../../src/scan/index.ts';

const int64: LogicalType = { kind: 'int64' };
const string: LogicalType = { kind: 'string' };

function schema(columns: Record<string, LogicalType>): TableSchema {
  return { columns: Object.entries(columns).map(([name, type]) => ({ name, type })) };
}

function intake(options: Partial<IntakeOptions> = {}): Intake {
  return new Intake({
    known: EMPTY_SCHEMA,
    declared: EMPTY_SCHEMA,
    primaryKey: [],
    onConflict: 'quarantine',
    unknownColumns: 'add',
    keyed: true,
    ...options,
  });
}

interface Checked {
  readonly lines: string[];
  readonly aside: string[];
}

function check(target: Intake, ...lines: string[]): Checked {
  const input = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const result = target.check(input);
  const accepted = Buffer.concat(result.accepted).toString().split('\n').slice(0, -1);
  assert.equal(result.rows, accepted.length);
  const longest = Math.max(0, ...accepted.map((line) => Buffer.byteLength(line) + 1));
  assert.equal(result.largestRecordBytes, longest);
  return { lines: accepted, aside: result.setAside.map((s) => `${s.code}: ${s.reason}`) };
}

function types(target: Intake): Record<string, string> {
  return Object.fromEntries(target.schema.columns.map(({ name, type }) => [name, typeName(type)]));
}

test('columns are inferred: integers, doubles, text, lists and structs', () => {
  const target = intake();
  const line =
    '{"i":1,"d":1.5,"s":"2024-01-01","b":true,"l":[1],"o":{"a":{"b":"x"}},"n":null,"e":[],"m":[null]}';
  assert.deepEqual(check(target, line).lines, [line]);
  assert.deepEqual(types(target), {
    i: 'int64',
    d: 'double',
    s: 'string',
    b: 'boolean',
    l: 'int64[]',
    o: 'struct<a: struct<b: string>>',
    n: 'undecided',
    e: 'undecided[]',
    m: 'undecided[]',
  });
});

test('an undecided column takes the type of the first value, also after a part was written', () => {
  const target = intake();
  check(target, '{"a":null,"l":[],"o":{"x":null}}');
  target.freeze();
  assert.deepEqual(check(target, '{"a":"x","l":[{"y":1}],"o":{"x":2.5}}').aside, []);
  assert.deepEqual(types(target), { a: 'string', l: 'struct<y: int64>[]', o: 'struct<x: double>' });
});

test('an empty object is json until it has a key', () => {
  const target = intake();
  check(target, '{"a":{},"b":{}}');
  assert.deepEqual(types(target), { a: 'json', b: 'json' });
  check(target, '{"a":{"x":1}}');
  assert.deepEqual(types(target), { a: 'struct<x: int64>', b: 'json' });
  target.freeze();
  check(target, '{"b":{"x":1}}');
  assert.equal(types(target).b, 'json');
});

test('integers past 64 bits become decimal text, and every later number of the column is quoted', () => {
  const target = intake();
  const { lines } = check(target, '{"a":1}', '{"a":123456789012345678901234567890}', '{"a":2}', '{"a":"x"}');
  assert.deepEqual(lines, ['{"a":1}', '{"a":"123456789012345678901234567890"}', '{"a":"2"}', '{"a":"x"}']);
  assert.deepEqual(types(target), { a: 'string' });
});

test('a known text column takes integers past 64 bits, and smaller ones once it has taken such a one', () => {
  const target = intake({ known: schema({ a: string }) });
  const { lines, aside } = check(target, '{"a":5}', '{"a":99999999999999999999}', '{"a":5}');
  assert.deepEqual(lines, ['{"a":"99999999999999999999"}', '{"a":"5"}']);
  assert.equal(aside.length, 1);
  assert.equal(
    check(intake({ declared: schema({ a: string }) }), '{"a":99999999999999999999}').aside.length,
    1,
  );
});

test('integers and doubles merge in one batch only while every integer is exact', () => {
  const exact = intake();
  assert.deepEqual(check(exact, '{"a":9007199254740992}', '{"a":0.5}', '{"a":3}').aside, []);
  assert.deepEqual(types(exact), { a: 'double' });
  const wide = intake();
  assert.deepEqual(check(wide, '{"a":9007199254740993}', '{"a":0.5}').aside, [
    'record.type_conflict: a holds int64, the record has a number it cannot hold',
  ]);
  const doubles = intake();
  assert.equal(
    check(doubles, '{"a":0.5}', '{"a":9007199254740993}', '{"a":9007199254740992}').aside.length,
    1,
  );
});

test('after a part is written an integer column refuses fractions', () => {
  const target = intake();
  check(target, '{"a":1}');
  target.freeze();
  const { lines, aside } = check(target, '{"a":2.5}', '{"a":2.0}', '{"a":1e3}', '{"a":99999999999999999999}');
  assert.deepEqual(lines, ['{"a":2}', '{"a":1000}']);
  assert.equal(aside.length, 2);
});

test('a struct gains fields and a narrow integer grows after a part is written', () => {
  const known = schema({
    a: { kind: 'int8' },
    o: { kind: 'struct', fields: [{ name: 'x', type: { kind: 'int32' } }] },
  });
  const target = intake({ known });
  assert.deepEqual(check(target, '{"a":127,"o":{"x":1}}').aside, []);
  assert.deepEqual(types(target), { a: 'int8', o: 'struct<x: int32>' });
  assert.deepEqual(check(target, '{"a":40000,"o":{"x":-2147483649,"y":[true]}}').aside, []);
  assert.deepEqual(types(target), { a: 'int32', o: 'struct<x: int64, y: boolean[]>' });
});

test('objects with keys that look like data become json', () => {
  const keys = [
    '12',
    '2024-01-01',
    'a/b',
    'a@b.c',
    '',
    '0123456789abcdef0123',
    '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
  ];
  for (const key of keys) {
    const target = intake();
    check(target, `{"a":{"x":1}}`, `{"a":{${JSON.stringify(key)}:1}}`, '{"a":{"q":1,"q":2}}');
    assert.deepEqual(types(target), { a: 'json' }, key);
  }
  const reactions = intake();
  check(reactions, '{"reactions":{"+1":1,"-1":2}}');
  assert.match(types(reactions).reactions!, /^struct</);
});

test('a struct with more than 200 keys becomes json, also after a part is written', () => {
  const target = intake();
  const object = (from: number, to: number) =>
    `{"a":{${Array.from({ length: to - from }, (_, i) => `"key${from + i}":1`).join(',')}}}`;
  check(target, object(0, 200));
  assert.match(types(target).a!, /^struct</);
  target.freeze();
  check(target, object(200, 201));
  assert.equal(types(target).a, 'json');
});

test('types nested without end become json', () => {
  const target = intake();
  const { aside } = check(target, `{"a":${'{"b":'.repeat(500)}1${'}'.repeat(500)}}`);
  assert.deepEqual(aside, []);
  assert.match(types(target).a!, /struct<b: json>/);
});

test('the engine would cast these in silence, so they are conflicts', () => {
  const known = schema({
    i: int64,
    b: { kind: 'boolean' },
    s: string,
    d: { kind: 'double' },
    l: { kind: 'list', item: int64 },
  });
  const lines = [
    '{"i":2.5}',
    '{"i":true}',
    '{"i":"5"}',
    '{"i":{}}',
    '{"b":5}',
    '{"b":"true"}',
    '{"s":5}',
    '{"s":{"a":1}}',
    '{"s":[1]}',
    '{"d":"1.5"}',
    '{"d":9007199254740993}',
    '{"d":1e999}',
    '{"l":5}',
    '{"l":[1,"x"]}',
    '{"l":{"a":1}}',
  ];
  const { aside } = check(intake({ known }), ...lines);
  assert.equal(aside.length, lines.length);
  for (const reason of aside) assert.match(reason, /^record\.type_conflict: /);
});

test('a conflict names the column and the kinds, never the value', () => {
  const target = intake({
    known: schema({
      user: { kind: 'struct', fields: [{ name: 'ids', type: { kind: 'list', item: int64 } }] },
    }),
  });
  const { setAside } = target.check(Buffer.from('{"user":{"ids":[1,"secret"]}}\n'));
  assert.equal(setAside[0]?.column, 'user.ids[]');
  assert.equal(setAside[0]?.reason, 'user.ids[] holds int64, the record has a string');
  assert.equal(Buffer.from(setAside[0]!.record).toString(), '{"user":{"ids":[1,"secret"]}}');
});

test('under on_conflict json the column becomes json, but never a declared one or a key', () => {
  const target = intake({ onConflict: 'json', primaryKey: ['id'], declared: schema({ n: int64 }) });
  const { aside } = check(
    target,
    '{"id":1,"a":1,"n":1}',
    '{"id":2,"a":"x"}',
    '{"id":"x"}',
    '{"id":3,"n":"y"}',
    '{"id":4,"a":[{}]}',
  );
  assert.deepEqual(types(target), { n: 'int64', id: 'int64', a: 'json' });
  assert.equal(aside.length, 2);
});

test('declared columns take what their type means', () => {
  const declared = schema({
    i: int64,
    t: { kind: 'timestamp' },
    m: { kind: 'decimal', precision: 18, scale: 2 },
    j: { kind: 'json' },
    n: { kind: 'int8' },
  });
  const accepted = [
    '{"i":"9223372036854775807"}',
    '{"i":"-5"}',
    '{"i":0}',
    '{"t":"2024-01-01T00:00:00Z"}',
    '{"m":"1234567890123456.89"}',
    '{"m":12.50}',
    '{"j":[1,{"a":2,"a":3}]}',
    '{"j":1e999}',
    '{"n":"-128"}',
    '{"i":null,"t":null,"m":null,"j":null,"n":null}',
  ];
  const target = intake({ declared });
  assert.deepEqual(check(target, ...accepted).lines, accepted);
  assert.deepEqual(check(target, '{"m":1234567890123456.89}').lines, ['{"m":"1234567890123456.89"}']);
  const refused = [
    '{"i":"05"}',
    '{"i":"9223372036854775808"}',
    '{"i":"-0"}',
    '{"i":"1 "}',
    '{"t":5}',
    '{"n":"128"}',
    '{"n":-129}',
    '{"m":true}',
  ];
  assert.equal(check(target, ...refused).aside.length, refused.length);
  assert.deepEqual(target.schema, declared);
});

test('a decimal takes what it holds digit by digit, as a number or as text, and nothing is rounded', () => {
  const declared = schema({ m: { kind: 'decimal', precision: 18, scale: 4 } });
  const target = intake({ declared });
  const kept = ['1.0001', '-1.5', '0', '1.000100', '12345678901234', '1.2e-3', '12345e-4', '1e13', '0.0e9'];
  for (const text of kept) {
    assert.deepEqual(check(target, `{"m":${text}}`).aside, [], text);
    assert.deepEqual(check(target, `{"m":"${text}"}`).lines, [`{"m":"${text}"}`], text);
  }
  const refused = ['1.00001', '-0.00005', '123456789012345', '12345678901234.56789', '1e14', '1e-5', '1e999'];
  for (const text of refused) {
    assert.equal(check(target, `{"m":${text}}`).aside.length, 1, text);
    assert.equal(check(target, `{"m":"${text}"}`).aside.length, 1, text);
  }
  for (const text of ['', '.', '1,5', 'much', '0x10', 'NaN', '1_000'])
    assert.equal(check(target, `{"m":"${text}"}`).aside.length, 1, text);
  const nested = intake({
    declared: schema({ l: { kind: 'list', item: { kind: 'decimal', precision: 4, scale: 2 } } }),
  });
  assert.equal(check(nested, '{"l":[1.25,"99.99"]}', '{"l":[1.255]}', '{"l":["100"]}').aside.length, 2);
});

test('bytes come as base64, and text that is not is a conflict', () => {
  const target = intake({ declared: schema({ b: { kind: 'bytes' } }) });
  const taken = ['""', '"aGk="', '"AP8B"', '"AA=="', '"\\/\\/8="', 'null'].map((b) => `{"b":${b}}`);
  assert.deepEqual(check(target, ...taken).lines, taken);
  const refused = [
    '"aGk"',
    '"a"',
    '"aGk=="',
    '"aG k="',
    '"_-8="',
    '"aGl="',
    '"hé=="',
    '"\\\\x00"',
    '5',
    '{}',
  ];
  for (const b of refused) assert.equal(check(target, `{"b":${b}}`).aside.length, 1, b);
});

test('a number is quoted for a decimal where a double times ten to the scale is not exact', () => {
  const target = intake({ declared: schema({ m: { kind: 'decimal', precision: 38, scale: 18 } }) });
  assert.deepEqual(
    check(target, '{"m":12345678901.2345}', '{"m":5}', '{"m":-120.50e-3}', '{"m":1.5e3}', '{"m":0e9}').lines,
    ['{"m":"12345678901.2345"}', '{"m":5}', '{"m":"-0.1205"}', '{"m":"1500"}', '{"m":"0"}'],
  );
});

test('a field that a declared struct does not have is a conflict, never lost in silence', () => {
  const declared = schema({ o: { kind: 'struct', fields: [{ name: 'a', type: int64 }] } });
  assert.equal(check(intake({ declared }), '{"o":{"a":1,"b":2}}').aside.length, 1);
  assert.deepEqual(check(intake({ declared, unknownColumns: 'drop' }), '{"o":{"a":1,"b":2}}').aside, []);
});

test('under unknown_columns drop other keys are not looked at', () => {
  const declared = schema({ a: int64 });
  const target = intake({
    declared,
    known: schema({ z: int64 }),
    unknownColumns: 'drop',
    primaryKey: ['id'],
  });
  const { lines, aside } = check(
    target,
    '{"x":1e999,"A":[{"q":1,"q":2}],"id":1,"a":1,"x":{},"z":"text"}',
    '{"id":1,"a":"x"}',
    '{"id":2,"x":[}',
  );
  assert.equal(lines.length, 1);
  assert.deepEqual(
    aside.map((a) => a.split(':')[0]),
    ['record.type_conflict', 'record.malformed_json'],
  );
  assert.deepEqual(types(target), { a: 'int64', id: 'int64' });
  const { lines: escaped } = check(target, '{"id":1,"\\u0061":5}', '{"id":1,"\\u0061":5,"a":6}');
  assert.deepEqual(escaped, ['{"id":1,"\\u0061":5}']);
});

test('the same key twice in one object is set aside at any depth outside json', () => {
  const target = intake({
    known: schema({
      a: int64,
      o: { kind: 'list', item: { kind: 'struct', fields: [{ name: 'x', type: int64 }] } },
      j: { kind: 'json' },
    }),
  });
  const { lines, aside } = check(
    target,
    '{"a":1,"a":1}',
    '{"o":[{"x":1,"x":2}]}',
    '{"\\u0061":1,"a":2}',
    '{"n":1,"n":2}',
    '{"n":{"y":1,"y":1}}',
    '{"o":[{"x":1},{"x":2}]}',
    '{"j":{"y":1,"y":1}}',
  );
  assert.equal(lines.length, 2);
  assert.deepEqual(
    aside.map((a) => a.split(':')[0]),
    Array.from({ length: 5 }, () => 'record.duplicate_key'),
  );
  assert.deepEqual(Object.keys(types(target)), ['a', 'o', 'j']);
});

test('keys that differ only in case are set aside, also against known columns', () => {
  const target = intake({
    known: schema({ userId: int64, o: { kind: 'struct', fields: [{ name: 'x', type: int64 }] } }),
  });
  const { aside } = check(
    target,
    '{"userid":1}',
    '{"o":{"X":1}}',
    '{"new":1,"NEW":2}',
    '{"p":{"q":1,"Q":2}}',
  );
  assert.equal(aside.length, 4);
  for (const reason of aside) assert.match(reason, /^record\.key_case/);
});

test("Hakiri's own names are refused in records", () => {
  for (const unknownColumns of ['add', 'drop'] as const) {
    const { aside } = check(intake({ unknownColumns }), '{"_hakiri_run":1}', '{"a":{"_hakiri_run":1}}');
    assert.deepEqual(aside, ['record.reserved_key: the key _hakiri_run starts with _hakiri_']);
  }
});

test('records without their primary key are set aside', () => {
  const target = intake({ primaryKey: ['id', 'repo'] });
  const { lines, aside } = check(
    target,
    '{"id":1,"repo":"a"}',
    '{"id":1}',
    '{"id":null,"repo":"a"}',
    '{"repo":"a","id":0}',
  );
  assert.equal(lines.length, 2);
  assert.deepEqual(aside, [
    'record.null_key: the key column repo has no value',
    'record.null_key: the key column id has no value',
  ]);
});

test('a key column of type json needs a value too', () => {
  const target = intake({ primaryKey: ['id'], known: schema({ id: { kind: 'json' } }) });
  assert.equal(check(target, '{"id":null}', '{"id":[null]}', '{"id":1}').aside.length, 1);
});

test('malformed lines and values that are not objects are set aside, blank lines are dropped', () => {
  const lines = ['{"a":1', '{"a":01}', '{"a":"\t"}', '{"a":1}x', '[1]', '5', '', ' \t\r', '{"a":1}\r'];
  const { lines: accepted, aside } = check(intake(), ...lines);
  assert.deepEqual(accepted, ['{"a":1}\r']);
  assert.deepEqual(
    aside.map((a) => a.split(':')[0]),
    [
      ...Array.from({ length: 4 }, () => 'record.malformed_json'),
      ...Array.from({ length: 2 }, () => 'record.not_object'),
    ],
  );
});

test('nesting deeper than 1,000 levels is set aside with that reason', () => {
  const nested = (levels: number) => `{"j":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  const target = intake({ known: schema({ j: { kind: 'json' } }) });
  assert.deepEqual(check(target, nested(999)).aside, []);
  assert.deepEqual(check(target, nested(1000)).aside, [
    'record.malformed_json: the record is nested deeper than 1000 levels',
  ]);
  assert.equal(check(target, nested(100_000)).aside.length, 1);
});

test('half surrogates and invalid UTF-8 become U+FFFD', () => {
  const target = intake();
  const { lines } = check(
    target,
    '{"a":"\\ud800x"}',
    '{"a":"\\udc00\\ud83d\\ude00"}',
    '{"a":"\\ud83d\\ude00"}',
  );
  assert.deepEqual(lines, ['{"a":"\\ufffdx"}', '{"a":"\\ufffd\\ud83d\\ude00"}', '{"a":"\\ud83d\\ude00"}']);
  const result = target.check(Buffer.from('{"a":"\xff\xe4"}\n', 'latin1'));
  assert.equal(Buffer.concat(result.accepted).toString(), '{"a":"\ufffd\ufffd"}\n');
});

test('a block without anything unusual is passed on without a copy', () => {
  const target = intake({ known: schema({ a: int64 }) });
  const lines = Buffer.from('{"a":1}\n{"a":2}\n'.repeat(50_000));
  const { accepted, rows } = target.check(lines);
  assert.equal(rows, 100_000);
  assert.equal(accepted.length, 1);
  assert.equal(accepted[0]!.buffer, lines.buffer);
  assert.equal(accepted[0]!.length, lines.length);
});

test('a last line without its newline gets one', () => {
  const { accepted, rows } = intake().check(Buffer.from('{"a":1}\n{"a":2}'));
  assert.equal(Buffer.concat(accepted).toString(), '{"a":1}\n{"a":2}\n');
  assert.equal(rows, 2);
});

test('lines larger than any buffer of the kernel are checked too', () => {
  const target = intake({ known: schema({ a: string }) });
  for (const size of [300_000, 3_000_000, 9_000_000]) {
    const long = `{"a":"${'x'.repeat(size)}"}`;
    const { lines } = check(target, '{"a":"1"}', long, '{"a":"2"}');
    assert.equal(lines[1], long);
  }
});

test('columns past the limit are a conflict with that reason', () => {
  const target = intake();
  const wide = `{${Array.from({ length: 2000 }, (_, i) => `"c${i}":${i}`).join(',')}}`;
  assert.deepEqual(check(target, wide, wide).aside, []);
  assert.match(
    check(target, '{"c1":1,"one_more":1}').aside[0]!,
    /2000 columns and takes no more: "one_more"/,
  );
  const reversed = `{${Array.from({ length: 2000 }, (_, i) => `"c${1999 - i}":${i}`).join(', ')}}`;
  assert.deepEqual(check(target, reversed).aside, []);
});

test('a record that is set aside leaves no trace in the schema', () => {
  const target = intake({ known: schema({ a: int64 }) });
  check(target, '{"new":1,"a":"x"}', '{"other":{"x":1,"X":2}}');
  assert.deepEqual(types(target), { a: 'int64' });
});

test('a record may say that it deletes; that is no column, and only a boolean', () => {
  for (const unknownColumns of ['add', 'drop'] as const) {
    const target = intake({ unknownColumns, primaryKey: ['id'], onConflict: 'json' });
    check(target, '{"id":1}');
    assert.equal(target.deletes, false);
    const lines = [
      '{"id":1,"_hakiri_deleted":true}',
      '{"_hakiri_deleted":false,"id":2}',
      '{"id":3,"_hakiri_deleted":null}',
      '{"id":4}',
    ];
    assert.deepEqual(check(target, ...lines), { lines, aside: [] });
    assert.equal(target.deletes, true);
    assert.deepEqual(
      target.schema.columns.map(({ name }) => name),
      ['id'],
    );
    const { aside } = check(
      target,
      '{"id":1,"_hakiri_deleted":1}',
      '{"id":1,"_hakiri_deleted":"true"}',
      '{"id":1,"_hakiri_deleted":true,"_hakiri_deleted":false}',
      '{"_hakiri_deleted":true}',
      '{"id":1,"_HAKIRI_DELETED":true}',
      '{"id":1,"_hakiri_run":"x","_hakiri_deleted":true}',
    );
    assert.deepEqual(
      aside.map((reason) => reason.split(':')[0]),
      [
        'record.type_conflict',
        'record.type_conflict',
        'record.duplicate_key',
        'record.null_key',
        'record.reserved_key',
        'record.reserved_key',
      ],
    );
  }
  // Whether the first to say so is a bad one or not, a record that was refused teaches nothing.
  const fresh = intake({ primaryKey: ['id'] });
  check(fresh, '{"id":1,"_hakiri_deleted":0}', '{"_hakiri_deleted":true}');
  assert.equal(fresh.deletes, false);
});

test('a table without a key takes no deletes, and the rows beside them', () => {
  const target = intake({ keyed: false });
  const { lines, aside } = check(
    target,
    '{"a":1,"_hakiri_deleted":true}',
    '{"a":2,"_hakiri_deleted":false}',
    '{"a":3,"_hakiri_deleted":null}',
  );
  assert.deepEqual(
    aside.map((reason) => reason.split(':')[0]),
    ['record.delete_without_key'],
  );
  assert.equal(lines.length, 2);
  assert.equal(target.deletes, false);
});
