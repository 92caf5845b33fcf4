import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import {
  compilePredicate,
  isHakiriError,
  type LogicalType,
  type Predicate,
  type PredicateRow,
  parsePredicate,
  predicateToSql,
  quoteIdentifier,
  quoteLiteral,
  sqlType,
  type TableSchema,
} from '@hakiri/core';
import { fuzzCount, type Random, seededRandom, TEST_SEED } from '../../../test/support/random.ts';
import {
  CLOCKS,
  DAYS,
  INTEGERS,
  randomPredicate,
  TEXTS,
  WIDE,
} from '../../../test/support/random-predicate.ts';

const COUNT = fuzzCount(300);
const SEED = TEST_SEED;
const PREDICATES_A_TABLE = 10;

const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");
after(() => connection.closeSync());

test(`the evaluator and the engine agree on every row of ${COUNT} random predicates`, async () => {
  let judged = 0;
  for (let table = 0; table * PREDICATES_A_TABLE < COUNT; table++) {
    const seed = SEED + table;
    const random = seededRandom(seed);
    const schema = randomSchema(random);
    const rows = random.many(12, () => randomRow(random, schema));
    const predicates = randomPredicates(random, schema);
    judged += predicates.length;
    const answers = await askEngine(
      connection,
      schema,
      rows,
      predicates.map(({ predicate }) => predicateToSql(predicate, schema)),
    );
    predicates.forEach(({ text, predicate }, column) => {
      const evaluate = compilePredicate(predicate, schema);
      rows.forEach((row, line) => {
        const ours = evaluate(row.decoded);
        const theirs = answers[line]?.[column];
        assert.equal(
          ours,
          theirs,
          `HAKIRI_SEED=${seed} HAKIRI_FUZZ_COUNT=10: ${text}\n${predicateToSql(predicate, schema)}\nrow ${row.sql}: evaluator ${ours}, engine ${theirs}`,
        );
      });
    });
  }
  assert.ok(judged >= COUNT);
});

test('a predicate means in the engine what its own text means there as SQL', async () => {
  for (let table = 0; table * PREDICATES_A_TABLE < COUNT; table++) {
    const seed = SEED + 1_000_000 + table;
    const random = seededRandom(seed);
    const schema = randomSchema(random, PLAIN_SQL_KINDS);
    const rows = random.many(8, () => randomRow(random, schema));
    // In SQL a number with an exponent, or of 40 digits, is a double; in a predicate every number is exact.
    const predicates = randomPredicates(random, schema).filter(({ text }) => !/\de-?\d|\d{39}/.test(text));
    const sql = predicates.flatMap(({ text, predicate }) => [`(${text})`, predicateToSql(predicate, schema)]);
    const answers = await askEngine(connection, schema, rows, ['true', ...sql]);
    predicates.forEach(({ text }, i) => {
      for (const answer of answers) {
        assert.equal(answer[2 * i + 2], answer[2 * i + 1], `HAKIRI_SEED=${seed - 1_000_000}: ${text}`);
      }
    });
  }
});

test('ILIKE folds every letter of Unicode as the engine does', async () => {
  const reader = await connection.runAndReadAll(`
    SELECT chr(i::INTEGER) AS upper, lower(chr(i::INTEGER)) AS lower FROM range(160, 1114112) AS r(i)
    WHERE i NOT BETWEEN 55296 AND 57343 AND lower(chr(i::INTEGER)) <> chr(i::INTEGER)`);
  const schema: TableSchema = { columns: [{ name: 's', type: { kind: 'string' } }] };
  const letters = reader.getRows() as [string, string][];
  assert.ok(letters.length > 1000);
  for (const [upper, lower] of letters) {
    const matches = compilePredicate(parsePredicate(`s ILIKE '${lower}'`), schema);
    assert.equal(matches({ s: upper }), true, `U+${upper.codePointAt(0)?.toString(16)}`);
  }
  const changed = new Set(letters.map(([upper]) => upper));
  for (let point = 160; point < 0x110000; point++) {
    const character = String.fromCodePoint(point);
    if (point >= 0xd800 && point < 0xe000) continue;
    if (character.toLowerCase() === character || changed.has(character)) continue;
    const matches = compilePredicate(parsePredicate(`s ILIKE '${character.toLowerCase()}'`), schema);
    assert.equal(matches({ s: character }), false, `U+${point.toString(16)}`);
  }
});

test('random text is a predicate or a predicate.invalid, never anything else', () => {
  const words = [
    'and',
    'or',
    'not',
    'is',
    'null',
    'in',
    '(',
    ')',
    ',',
    '.',
    "'",
    '"',
    '=',
    '<',
    '-',
    '1.5e3',
  ];
  const others = [
    'like',
    'between',
    'state',
    'TIMESTAMP',
    "'x'",
    '\0',
    '\ud800',
    ';',
    '--',
    '/*',
    'distinct',
  ];
  for (let i = 0; i < COUNT * 10; i++) {
    const random = seededRandom(SEED + i);
    const text = random
      .many(random.below(12), () => random.pick([...words, ...others]))
      .join(random.pick(['', ' ']));
    try {
      parsePredicate(text);
    } catch (error) {
      assert.ok(isHakiriError(error), `${SEED + i}: ${text}: ${error}`);
      assert.equal(error.code, 'predicate.invalid');
    }
  }
});

/** Kinds whose comparison with a literal is the same in plain SQL: no number beyond what a literal there can hold. */
const PLAIN_SQL_KINDS: readonly LogicalType[] = [
  { kind: 'boolean' },
  { kind: 'int32' },
  { kind: 'int64' },
  { kind: 'string' },
  { kind: 'date' },
  { kind: 'timestamp' },
  { kind: 'datetime' },
  { kind: 'struct', fields: [{ name: 'login', type: { kind: 'string' } }] },
];

const KINDS: readonly LogicalType[] = [
  ...PLAIN_SQL_KINDS,
  { kind: 'undecided' },
  { kind: 'int8' },
  { kind: 'int16' },
  { kind: 'double' },
  { kind: 'double' },
  { kind: 'decimal', precision: 9, scale: 2 },
  { kind: 'decimal', precision: 38, scale: 10 },
  { kind: 'decimal', precision: 4, scale: 4 },
  { kind: 'bytes' },
  { kind: 'time' },
  { kind: 'json' },
  { kind: 'list', item: { kind: 'int32' } },
  { kind: 'list', item: { kind: 'string' } },
  {
    kind: 'struct',
    fields: [
      { name: 'Id', type: { kind: 'int64' } },
      { name: 'o"dd', type: { kind: 'struct', fields: [{ name: 'ok', type: { kind: 'boolean' } }] } },
    ],
  },
];

const NAMES = [
  'state',
  'Title',
  'is it',
  'a.b',
  'select',
  "o'clock",
  'naïve',
  'date',
  'x',
  'y',
  'z',
  'distinct',
];

function randomSchema(random: Random, kinds = KINDS): TableSchema {
  const names = NAMES.filter(() => random.chance(0.6));
  return { columns: ['n', ...names].map((name) => ({ name, type: random.pick(kinds) })) };
}

interface RandomRow {
  readonly decoded: PredicateRow;
  readonly sql: string;
}

function randomRow(random: Random, schema: TableSchema): RandomRow {
  const values = schema.columns.map((column) => randomValue(random, column.type));
  const entries = schema.columns.flatMap((column, i) => {
    const value = values[i]!.decoded;
    return value === null && random.chance(0.5) ? [] : [[column.name, value] as const];
  });
  return {
    decoded: Object.fromEntries(entries),
    sql: `(${values.map((value, i) => `CAST(${value.sql} AS ${sqlType(schema.columns[i]!.type)})`).join(', ')})`,
  };
}

interface RandomValue {
  readonly decoded: unknown;
  readonly sql: string;
}

const NULL: RandomValue = { decoded: null, sql: 'NULL' };
const DOUBLES = [
  0,
  -0,
  1,
  2.5,
  -2.5,
  0.1,
  1e300,
  -1e300,
  9007199254740992,
  Number.NaN,
  Infinity,
  -Infinity,
  3,
];
function randomValue(random: Random, type: LogicalType): RandomValue {
  if (type.kind === 'undecided' || random.chance(0.3)) return NULL;
  const text = (value: string, decoded: unknown = value): RandomValue => ({
    decoded,
    sql: quoteLiteral(value),
  });
  switch (type.kind) {
    case 'boolean': {
      const value = random.chance(0.5);
      return { decoded: value, sql: String(value) };
    }
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64': {
      const bits = Number(type.kind.slice(3));
      const fits = [...INTEGERS, ...WIDE].filter((value) => BigInt.asIntN(bits, value) === value);
      const value = random.pick(fits);
      const forms = [value, String(value), ...(Number.isSafeInteger(Number(value)) ? [Number(value)] : [])];
      return text(String(value), random.pick(forms));
    }
    case 'double': {
      const value = random.pick(DOUBLES);
      return text(Object.is(value, -0) ? '-0.0' : String(value), random.chance(0.5) ? value : String(value));
    }
    case 'decimal': {
      const digits = random.pick(['0', '1', '25', '250', '9999', '1000', '10']).slice(0, type.precision);
      const padded = digits.padStart(type.scale + 1, '0');
      const value = `${random.pick(['', '-'])}${padded.slice(0, -type.scale)}.${padded.slice(-type.scale)}`;
      return text(value, random.chance(0.8) ? value : Number(value));
    }
    case 'string':
      return text(random.pick(TEXTS));
    case 'bytes':
      return { decoded: 'AAE=', sql: "'\\x00\\x01'::BLOB" };
    case 'json':
      return text('{"a": 1}');
    case 'date': {
      const day = random.pick(DAYS);
      return text(day, random.chance(0.5) ? day : new Date(`${day}T00:00:00Z`));
    }
    case 'time':
      return text(random.pick(CLOCKS));
    case 'timestamp':
    case 'datetime': {
      const day = random.pick(DAYS.slice(0, random.pick([1, 3, 6])));
      const clock = random.pick(CLOCKS);
      if (random.chance(0.05)) return text('infinity');
      const zone = type.kind === 'timestamp' ? random.pick(['Z', '+02:00', '-05:30']) : '';
      return text(`${day}T${clock}${zone}`);
    }
    case 'list': {
      if (type.item.kind !== 'string') return { decoded: [1], sql: '[1]' };
      const items = random.many(random.below(3), () => (random.chance(0.2) ? null : random.pick(TEXTS)));
      const sql = items.map((item) => (item === null ? 'NULL' : quoteLiteral(item))).join(', ');
      return { decoded: items, sql: `[${sql}]` };
    }
    case 'struct': {
      const values = type.fields.map((field) => ({ field, value: randomValue(random, field.type) }));
      return {
        decoded: Object.fromEntries(values.map(({ field, value }) => [field.name, value.decoded])),
        sql: `struct_pack(${values.map(({ field, value }) => `${quoteIdentifier(field.name)} := ${value.sql}`).join(', ')})`,
      };
    }
  }
}

interface RandomPredicate {
  readonly text: string;
  readonly predicate: Predicate;
}

/** Random text until enough of it is well typed: what does not fit must be refused with its own code. */
function randomPredicates(random: Random, schema: TableSchema): RandomPredicate[] {
  const found: RandomPredicate[] = [];
  while (found.length < PREDICATES_A_TABLE) {
    const text = randomPredicate(random, schema, random.below(4));
    try {
      const predicate = parsePredicate(text);
      predicateToSql(predicate, schema);
      found.push({ text, predicate });
    } catch (error) {
      assert.ok(isHakiriError(error) && error.code === 'predicate.invalid', `${text}: ${error}`);
    }
  }
  return found;
}

/** Each expression on each row, as the engine sees it. */
async function askEngine(
  engine: DuckDBConnection,
  schema: TableSchema,
  rows: readonly RandomRow[],
  expressions: readonly string[],
): Promise<readonly (readonly unknown[])[]> {
  const names = schema.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const values = rows.map((row, i) => `(${i}, ${row.sql.slice(1)}`).join(', ');
  await engine.run(
    `CREATE OR REPLACE TEMP TABLE t AS SELECT * FROM (VALUES ${values}) AS v(_ordinal, ${names})`,
  );
  const reader = await engine.runAndReadAll(`SELECT ${expressions.join(', ')} FROM t ORDER BY _ordinal`);
  return reader.getRows();
}
