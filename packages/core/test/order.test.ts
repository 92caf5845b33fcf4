import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import {
  compareText,
  decimalValue,
  doubleValue,
  integerValue,
  type LogicalType,
  orderKey,
  orderKeySql,
  orderValueOf,
  type RunId,
  runTimeValue,
  sqlType,
  textValue,
  timeValue,
} from '../src/index.ts';

const RUN = '01JABCDEFGHJKMNPQRSTVWXYZ0' as RunId;
const suffix = { generation: 7, run: RUN };

let connection: DuckDBConnection;
before(async () => {
  connection = await (await DuckDBInstance.create()).connect();
});

async function fromEngine(literal: string, type: LogicalType): Promise<string> {
  const key = orderKeySql({ sql: 'v', type, whenNull: "'0'" }, suffix, '41');
  const reader = await connection.runAndReadAll(
    `SELECT ${key} FROM (SELECT ${literal}::${sqlType(type)} AS v)`,
  );
  return String(reader.getRows()[0]?.[0]);
}

const sorted = (keys: readonly string[]): boolean =>
  keys.every((key, i) => i === 0 || compareText(keys[i - 1] ?? '', key) < 0);

describe('order keys', () => {
  const INTEGERS = [-(2n ** 63n), -1_000_000n, -1n, 0n, 1n, 99n, 2n ** 53n + 1n, 2n ** 63n - 1n];
  const DOUBLES = [-1.7e308, -12.5, -12, -1e-300, -5e-324, 0, 5e-324, 1e-300, 0.1, 0.5, 1, 9.99, 10, 1.7e308];
  const TEXTS = [
    '',
    '\u0000',
    '\u0000a',
    '\u0001',
    'a',
    'a\u0000',
    'a\u0000b',
    'a\u0001',
    'ab',
    'b',
    'é',
    '\uffff',
    '😀',
  ];
  const TIMES = [
    '0001-01-01 00:00:00',
    '1969-12-31 23:59:59.999999',
    '1970-01-01 00:00:00',
    '2024-02-29 12:00:00.5',
    '9999-12-31 00:00:00',
  ];

  test('sort as their values do, whatever the kind', () => {
    assert.ok(sorted(INTEGERS.map((value) => orderKey(integerValue(value), suffix, 0))));
    assert.ok(sorted(DOUBLES.map((value) => orderKey(doubleValue(value), suffix, 0))));
    assert.ok(sorted(TEXTS.map((value) => orderKey(textValue(value), suffix, 0))));
    assert.ok(
      sorted(
        TIMES.map((value) =>
          orderKey(timeValue(BigInt(Date.parse(`${value.replace(' ', 'T')}Z`)) * 1000n), suffix, 0),
        ),
      ),
    );
  });

  test('a longer sequence, a later run or a higher generation wins only among equal values', () => {
    const value = integerValue(5n);
    const later = '01JABCDEFGHJKMNPQRSTVWXYZ1' as RunId;
    assert.ok(
      sorted([
        orderKey(value, { generation: 0, run: RUN }, 9),
        orderKey(value, { generation: 0, run: RUN }, 10),
        orderKey(value, { generation: 0, run: later }, 0),
        orderKey(value, { generation: 1, run: RUN }, 0),
        orderKey(integerValue(6n), { generation: 0, run: RUN }, 0),
      ]),
    );
  });

  test('are the same from the engine as from here', async () => {
    for (const value of INTEGERS) {
      assert.equal(
        await fromEngine(`'${value}'`, { kind: 'int64' }),
        orderKey(integerValue(value), suffix, 41),
      );
    }
    for (const value of DOUBLES) {
      assert.equal(
        await fromEngine(`'${value}'`, { kind: 'double' }),
        orderKey(doubleValue(value), suffix, 41),
        String(value),
      );
    }
    for (const value of TEXTS) {
      const literal = [...value].map((c) => `chr(${c.codePointAt(0)})`).join(' || ') || "''";
      assert.equal(
        await fromEngine(`(${literal})`, { kind: 'string' }),
        orderKey(textValue(value), suffix, 41),
        JSON.stringify(value),
      );
    }
    for (const value of TIMES.filter((time) => !time.includes('999999'))) {
      const micros = BigInt(Date.parse(`${value.replace(' ', 'T')}Z`)) * 1000n;
      assert.equal(
        await fromEngine(`'${value}'`, { kind: 'timestamp' }),
        orderKey(timeValue(micros), suffix, 41),
      );
      assert.equal(
        await fromEngine(`'${value}'`, { kind: 'datetime' }),
        orderKey(timeValue(micros), suffix, 41),
      );
    }
  });

  test('decimals sort as numbers in the engine', async () => {
    const values = ['-99999.99', '-1.00', '-0.01', '0.00', '0.01', '1.00', '99999.99'];
    const keys = await Promise.all(
      values.map((value) => fromEngine(`'${value}'`, { kind: 'decimal', precision: 18, scale: 2 })),
    );
    assert.ok(sorted(keys), keys.join('\n'));
    assert.deepEqual(
      keys,
      values.map((value) => orderKey(decimalValue(BigInt(value.replace('.', ''))), suffix, 41)),
    );
  });

  test('a moment has its microseconds, before 1970 too', async () => {
    for (const [text, micros] of [
      ['1969-12-31 23:59:59.999999', -1n],
      ['2024-02-29 12:00:00.000001', 1_709_208_000_000_001n],
    ] as const) {
      assert.equal(
        await fromEngine(`'${text}'`, { kind: 'timestamp' }),
        orderKey(timeValue(micros), suffix, 41),
      );
    }
  });

  test('a date and a double that is no number are the same from the engine as from here', async () => {
    const micros = BigInt(Date.UTC(2024, 1, 29)) * 1000n;
    assert.equal(await fromEngine("'2024-02-29'", { kind: 'date' }), orderKey(timeValue(micros), suffix, 41));
    assert.equal(
      await fromEngine("'NaN'", { kind: 'double' }),
      orderKey(doubleValue(Number.NaN), suffix, 41),
    );
  });

  test('a null takes what it is given', async () => {
    assert.equal(await fromEngine('NULL', { kind: 'int64' }), orderKey('0', suffix, 41));
  });

  test('give their value part back', () => {
    for (const value of [integerValue(5n), textValue('a-b-c'), runTimeValue(RUN), doubleValue(-0.5)]) {
      assert.equal(orderValueOf(orderKey(value, suffix, 12)), value);
    }
  });

  test('a type without an order is refused', () => {
    assert.throws(() => orderKeySql({ sql: 'v', type: { kind: 'json' }, whenNull: "'0'" }, suffix, '0'), {
      code: 'manifest.wrong_type',
    });
  });
});
