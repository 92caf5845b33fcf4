import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  FINDABLE_PII_TYPES,
  type JsonValue,
  type LogicalType,
  PII_TYPES,
  quoteLiteral,
  sqlType,
} from '@hakiri/core';
import { fuzzCount, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { testEngine } from '../../../engine/test/support/engine.ts';
import { compileAction, type ValueAction } from '../../src/actions/act.ts';
import { pseudonymsOf } from '../../src/actions/pseudonyms.ts';
import { scrubSql, scrubText } from '../../src/actions/scrub.ts';
import { detokenize, tokenizeText } from '../../src/actions/tokenize.ts';

const engine = testEngine();
after(() => engine.close());

const KEY = pseudonymsOf(Buffer.alloc(32, 7));
const ACTIONS: readonly ValueAction[] = ['redact', 'hash', 'tokenize', 'mask'];
const random = seededRandom(TEST_SEED);
const COUNT = fuzzCount(300);

const PIECES = [
  'a',
  'Z',
  '0',
  '12',
  '4111 1111 1111 1111',
  'ada@example.com',
  '.',
  '@',
  '-',
  '+49 170 1234567',
  ' ',
  '\n',
  '\u2028',
  'é',
  'Σ',
  '😀',
  '\u{10ffff}',
  '\uffff',
  'DE89 3704 0044 0532 0130 00',
  '10.0.0.1',
  'fe80::1',
  ':',
  'sk-abcdef0123456789',
  '_',
  '/',
  "'",
  '"',
  '\\',
  'İ',
  'ſ',
  '\0',
];

function randomText(): string {
  if (random.chance(0.05)) return '';
  if (random.chance(0.05)) return 'x'.repeat(random.below(300)) + random.pick(PIECES);
  return random.many(1 + random.below(8), () => random.pick(PIECES)).join('');
}

const list = (values: readonly string[]): string => values.map((v, i) => `(${i}, ${v})`).join(', ');

async function inSql(
  expression: (x: string) => string,
  values: readonly string[],
  type: string,
): Promise<readonly JsonValue[]> {
  const cast = values.map((value) => `CAST(${value} AS ${type})`);
  const rows = await engine.select(
    `SELECT ${expression('x')} FROM (VALUES ${list(cast)}) t(i, x) ORDER BY i`,
  );
  return rows.map(([value]) => value ?? null);
}

test('every action says the same of a text in SQL and in JavaScript', async () => {
  const texts = [...PIECES, ...Array.from({ length: COUNT }, randomText)];
  const literals = [...texts.map(quoteLiteral), 'NULL'];
  for (const action of ACTIONS) {
    for (const piiType of action === 'mask' ? [undefined, ...PII_TYPES] : [undefined]) {
      const compiled = compileAction(action, { kind: 'string' }, piiType, KEY);
      const theirs = await inSql(compiled.sql, literals, 'VARCHAR');
      const ours = [...texts.map((text) => compiled.value(text)), compiled.value(null)];
      theirs.forEach((value, i) => {
        assert.equal(
          value,
          ours[i],
          `HAKIRI_SEED=${TEST_SEED} ${action} ${piiType} ${JSON.stringify(texts[i])}`,
        );
      });
    }
  }
});

test('what is cut out of a text is the same in SQL and in JavaScript', async () => {
  const texts = Array.from({ length: COUNT }, randomText);
  for (const types of [...FINDABLE_PII_TYPES.map((type) => [type]), FINDABLE_PII_TYPES]) {
    const theirs = await inSql((x) => scrubSql(x, types), texts.map(quoteLiteral), 'VARCHAR');
    texts.forEach((text, i) => {
      assert.equal(
        theirs[i],
        scrubText(types)(text),
        `HAKIRI_SEED=${TEST_SEED} ${types.join()} ${JSON.stringify(text)}`,
      );
    });
  }
});

const VALUES: readonly { readonly type: LogicalType; readonly values: readonly string[] }[] = [
  { type: { kind: 'boolean' }, values: ['true', 'false', 'NULL'] },
  { type: { kind: 'int8' }, values: ['-128', '0', '127'] },
  {
    type: { kind: 'int64' },
    values: ['9223372036854775807', '-9223372036854775808', '0', '9007199254740993', 'NULL'],
  },
  { type: { kind: 'decimal', precision: 18, scale: 2 }, values: ['1.5', '-0.5', '0', '123456789012345.67'] },
  {
    type: { kind: 'decimal', precision: 38, scale: 0 },
    values: ['1', '99999999999999999999999999999999999999'],
  },
  {
    type: { kind: 'double' },
    values: [
      "'nan'",
      "'inf'",
      "'-inf'",
      '0',
      "'-0.0'",
      '1e16',
      '1e21',
      '1e-6',
      '1e-7',
      '0.1',
      '5e-324',
      '1.7976931348623157e308',
      'NULL',
    ],
  },
  {
    type: { kind: 'date' },
    values: [
      "'2024-02-29'",
      "'0001-01-01'",
      "'0044-03-15 (BC)'",
      "'infinity'",
      "'-infinity'",
      "'20000-01-01'",
    ],
  },
  { type: { kind: 'time' }, values: ["'10:30:00'", "'00:00:00.5'", "'23:59:59.999999'"] },
  {
    type: { kind: 'timestamp' },
    values: [
      "'2024-01-01 00:00:00+00'",
      "'1969-12-31 23:59:59.999999+00'",
      "'0044-03-15 (BC) 10:00:00+00'",
      "'12024-01-01 00:00:00.25+00'",
      "'290000-01-01 00:00:00+00'",
      "'infinity'",
      "'-infinity'",
      'NULL',
    ],
  },
  {
    type: { kind: 'datetime' },
    values: [
      "'2024-01-01 00:00:00'",
      "'1969-12-31 23:59:59.999999'",
      "'0001-01-01 00:00:00.1'",
      "'infinity'",
      "'-infinity'",
      "'275760-09-13 00:00:00.0005'",
      "'275760-09-13 00:00:00.001'",
    ],
  },
  { type: { kind: 'json' }, values: [`'{"a":1}'`, "'1'", 'NULL'] },
  { type: { kind: 'bytes' }, values: [`'\\xFF'`, 'NULL'] },
  { type: { kind: 'list', item: { kind: 'string' } }, values: ["['a']", 'NULL'] },
  { type: { kind: 'struct', fields: [{ name: 'a', type: { kind: 'int8' } }] }, values: ["{'a': 1}", 'NULL'] },
];

test('every action says the same of a value of each type', async () => {
  for (const { type, values } of VALUES) {
    const doubles =
      type.kind === 'double'
        ? random.many(COUNT, () => `'${(random.next() - 0.5) * 10 ** (random.below(600) - 300)}'`)
        : [];
    const all = [...values, ...doubles];
    const plain = await inSql((x) => x, all, sqlType(type));
    for (const action of ACTIONS) {
      const compiled = compileAction(action, type, undefined, KEY);
      const theirs = await inSql(compiled.sql, all, sqlType(type));
      assert.deepEqual(
        theirs,
        plain.map((value) => compiled.value(value)),
        `${action} of ${type.kind}`,
      );
    }
  }
});

test('a token is turned back with the key that made it, and with no other', () => {
  for (const text of ['', 'a', 'é😀', 'x'.repeat(1000), ...Array.from({ length: 50 }, randomText)]) {
    const token = tokenizeText(text, KEY);
    assert.match(token, /^t_[A-Za-z0-9_-]+$/);
    assert.equal(detokenize(token, KEY), text);
    assert.equal(detokenize(token, pseudonymsOf(Buffer.alloc(32, 8))), undefined);
    assert.equal(detokenize(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`, KEY), undefined);
  }
  for (const forged of ['', 't_', 't_AAAA', 'h_00', 't_!!!!'])
    assert.equal(detokenize(forged, KEY), undefined);
});

test('a mask shows what its kind of value is known by, and nothing of what does not look like one', async () => {
  const masks: readonly [Parameters<typeof compileAction>[2], string, string][] = [
    ['email', 'ada.lovelace@mail.example.com', 'a***@***.com'],
    ['email', 'not an address', '***'],
    ['phone', '+49 (170) 12 345 67', '***67'],
    ['phone', '12', '***'],
    ['credit_card', '4111 1111 1111 1234', '****1234'],
    ['iban', 'DE89 3704 0044 0532 0130 00', 'DE***00'],
    ['name', 'Ada', 'A***'],
    ['name', '李小龍', '李***'],
    ['name', 'A', '***'],
    ['ip', '10.2.3.4', '10.***'],
    ['ip', 'fe80::1', '***'],
    ['address', '1 Main Street', '***'],
    [undefined, 'anything', '***'],
  ];
  for (const [piiType, text, shown] of masks) {
    assert.equal(compileAction('mask', { kind: 'string' }, piiType, KEY).value(text), shown, text);
  }
});

test('what is known of each kind of value is found in a sentence', () => {
  const sentences: readonly [Parameters<typeof scrubText>[0], string, string][] = [
    [['email'], 'Mail ada@example.com, or <bob@mail.example.org>.', 'Mail [email], or <[email]>.'],
    [['phone'], 'Call +49 (170) 1234567 now', 'Call [phone] now'],
    [['credit_card'], 'Card 4111-1111-1111-1111.', 'Card [credit_card].'],
    [['iban'], 'To DE89 3704 0044 0532 0130 00 please', 'To [iban] please'],
    [['ip'], 'from 10.0.0.1 and fe80::1 and ::1', 'from [ip] and [ip] and [ip]'],
    [['secret'], 'key ghp_0123456789abcdefghij', 'key [secret]'],
    [['email', 'phone'], 'ada@example.com 555 0100 99', '[email] [phone]'],
    [[], 'ada@example.com', 'ada@example.com'],
  ];
  for (const type of FINDABLE_PII_TYPES) {
    assert.ok(
      sentences.some(([types, , left]) => types.includes(type) && left.includes(`[${type}]`)),
      type,
    );
  }
  for (const [types, text, left] of sentences) assert.equal(scrubText(types)(text), left);
});
