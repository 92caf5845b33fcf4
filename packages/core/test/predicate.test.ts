import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  and,
  compilePredicate,
  type ErrorCode,
  HakiriError,
  not,
  or,
  type PredicateRow,
  parsePredicate,
  parseTypeName,
  predicateToSql,
  type TableSchema,
} from '@hakiri/core';

const SCHEMA: TableSchema = {
  columns: Object.entries({
    id: 'int64',
    small: 'int8',
    price: 'decimal(9,2)',
    score: 'double',
    state: 'string',
    open: 'boolean',
    created_at: 'timestamp',
    day: 'date',
    local: 'datetime',
    payload: 'json',
    later: 'undecided',
    labels: 'string[]',
    user: 'struct<login: string, "plan name": struct<tier: int32>>',
    'a.b': 'string',
  }).map(([name, type]) => ({ name, type: parseTypeName(type) })),
};

const evaluate = (text: string, row: PredicateRow = {}) =>
  compilePredicate(parsePredicate(text), SCHEMA)(row);
const sql = (text: string) => predicateToSql(parsePredicate(text), SCHEMA);

function refusal(text: string, code: ErrorCode = 'predicate.invalid'): HakiriError {
  try {
    sql(text);
  } catch (error) {
    assert.ok(error instanceof HakiriError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  throw new assert.AssertionError({ message: `accepted: ${text.slice(0, 100)}` });
}

test('AND binds tighter than OR, NOT than AND, IS applies to the whole comparison', () => {
  assert.equal(evaluate('true or false and false'), true);
  assert.equal(evaluate('not false and false'), false);
  assert.equal(evaluate('id = 1 is null', {}), true);
  assert.equal(evaluate('not id is null', { id: 1 }), true);
});

test('three-valued logic: unknown passes only where it cannot matter', () => {
  assert.equal(evaluate("state = 'a'"), null);
  assert.equal(evaluate("state = 'a' or true"), true);
  assert.equal(evaluate("state = 'a' and false"), false);
  assert.equal(evaluate('id in (1, null)', { id: 2 }), null);
  assert.equal(evaluate('id not in (1, null)', { id: 1 }), false);
  assert.equal(evaluate('id is distinct from null', { id: 1 }), true);
});

test('numbers compare exactly, past what a double can hold', () => {
  const row = { id: 9007199254740993n, small: 5, price: '2.50' };
  assert.equal(evaluate('id = 9007199254740992', row), false);
  assert.equal(evaluate('id < 9007199254740992.5', row), false);
  assert.equal(evaluate('small > 2.5 and small < 5.0001 and small <> 4.5', row), true);
  assert.equal(evaluate('small < 99999999999999999999999999999999999999999999', row), true);
  assert.equal(evaluate('price = 2.5 and price < 2.501', row), true);
  assert.equal(evaluate('small in (2.5, 300)', row), false);
  assert.equal(evaluate('small in (2.5, 300)', {}), null);
});

test('columns are found whatever their case, through structs, and by quoted names', () => {
  const row = { user: { login: 'ann', 'plan name': { tier: 3 } }, 'a.b': 'x' };
  assert.equal(evaluate(`USER.Login = 'ann' and user."plan name".tier = 3 and "a.b" = 'x'`, row), true);
  assert.equal(sql('USER.Login is null'), `(struct_extract("user", 'login') IS NULL)`);
});

test('times are compared as moments; what has no zone is UTC', () => {
  const row = { created_at: '2024-01-01T00:30:00+01:00', day: '2024-01-01', local: '2024-01-01 10:00:00' };
  assert.equal(evaluate("created_at = '2023-12-31T23:30:00Z'", row), true);
  assert.equal(evaluate("created_at < DATE '2024-01-01' and day = DATE '2024-01-01'", row), true);
  assert.equal(evaluate("local >= TIMESTAMPTZ '2024-01-01 12:00:00+02'", row), true);
  assert.equal(evaluate("date '2024-02-29' < '2024-03-01'"), true);
});

test('contains looks into a list of texts, too', () => {
  const has = compilePredicate(parsePredicate("contains(labels, 'bug')"), SCHEMA);
  assert.equal(has({ labels: ['x', null, 'bug'] }), true);
  assert.equal(has({ labels: ['bugs', null] }), false);
  assert.equal(has({}), null);
});

test('an undecided column is null without being touched in SQL', () => {
  assert.equal(sql('later = 5'), 'CAST(NULL AS BOOLEAN)');
  assert.equal(sql('later is null and later.deep is null'), '(TRUE AND TRUE)');
});

test('members every object has are not columns of a row', () => {
  const schema: TableSchema = { columns: [{ name: 'constructor', type: { kind: 'string' } }] };
  assert.equal(compilePredicate(parsePredicate('constructor is null'), schema)({}), true);
});

test('literals and names reach SQL quoted', () => {
  assert.equal(sql(`state = 'it''s' or "a.b" = '"'`), `(("state" = 'it''s') OR ("a.b" = '"'))`);
});

test('trees combine without their texts meeting', () => {
  const open = parsePredicate("state = 'a' or state = 'b'");
  const combined = and(open, not(or(parsePredicate('id = 1'), parsePredicate('open'))));
  const passes = compilePredicate(combined, SCHEMA);
  assert.equal(passes({ state: 'b', id: 2, open: false }), true);
  assert.equal(passes({ state: 'b', id: 1, open: false }), false);
  assert.throws(() => parsePredicate('1=1) or (1=1'), { code: 'predicate.invalid' });
  assert.equal(predicateToSql(and(), SCHEMA), 'TRUE');
  assert.equal(predicateToSql(or(), SCHEMA), 'FALSE');
});

test('an unknown column names the nearest ones', () => {
  const error = refusal("stat = 'open'", 'query.unknown_column');
  assert.match(error.hint, /state/);
  assert.match(refusal('user.logn is null', 'query.unknown_column').hint, /user\.login/);
});

test('an error marks its place with carets', () => {
  const error = refusal("id = 1 and state = = 'x'");
  assert.equal(error.message.split('\n')[1], "  id = 1 and state = = 'x'");
  assert.equal(error.message.split('\n')[2], '                     ^');
  assert.equal(error.details.position, 20);
});

test('the carets of a combined filter point into the text they came from', () => {
  const combined = and(parsePredicate('id = 1'), parsePredicate('open and nope = 2'));
  assert.throws(() => predicateToSql(combined, SCHEMA), /open and nope = 2\n {11}\^{4}/);
});

test('what does not go together is refused', () => {
  const wrong = [
    "id = '1'",
    'state = 1',
    'open = 1',
    'state',
    'id',
    "payload = 'x'",
    'labels = 1',
    'user = 1',
    "labels[1] = 'x'",
    "payload.action = 'x'",
    'created_at = day',
    'created_at = local',
    'price = score',
    "day = TIMESTAMP '2024-01-01 10:00:00'",
    "created_at > 'yesterday'",
    "day = '2024-02-30'",
    "created_at > TIMESTAMP '2024-13-01'",
    "state > DATE '2024-01-01'",
    "id LIKE '1'",
    "starts_with(labels, 'x')",
    "contains(user, 'x')",
    'id is true',
    "created_at = TIMESTAMP '2024-01-01 10:00+02'",
    "local = '2024-01-01 10:00+02'",
    'id + 1 = 2',
    'lower(state) = 1',
    '(select 1)',
    'id = 1;',
    'id == 1',
    '',
    '   ',
    'id =',
    'id in ()',
    'id in 1',
    'id between 1',
    '(id = 1',
    'id = 1)',
    "state = 'x",
    '"',
    '""',
    'id = 1 = 2',
    "state like 'a!' escape '!'",
    "state like 'a' escape 'ab'",
    'not',
    'id is',
    'and',
    "state = '\0'",
    '-state = 1',
    '1x = 2',
    '(id = 1) = true',
    'in = 1',
    '1e999 = 1',
    'a..b = 1',
    'id -- x',
    'id /* x */ = 1',
    'id = $1',
    'id = ?',
  ];
  for (const text of wrong) {
    const error = refusal(text);
    assert.ok(error.message.includes('^') && typeof error.details.position === 'number', text);
  }
});

test('length, depth, lists and patterns have limits', () => {
  assert.match(refusal(`state like '${'%'.repeat(1001)}'`).message, /longer than 1000/);
  assert.match(refusal(`id = ${' '.repeat(65_536)}1`).message, /65536/);
  assert.match(refusal(`${'('.repeat(201)}open${')'.repeat(201)}`).message, /deeper than 200/);
  assert.match(refusal(`${'not '.repeat(201)}open`).message, /deeper than 200/);
  assert.match(refusal(`open${' is true'.repeat(300)}`).message, /deeper than 200/);
  assert.match(refusal(`id in (${'1,'.repeat(10_001)}1)`).message, /longer than 10000/);
  assert.ok(sql(`${'('.repeat(200)}open${')'.repeat(200)}`));
  assert.ok(sql(`open${' or open'.repeat(8000)}`));
});

test('a hostile LIKE pattern does not run away', () => {
  const started = performance.now();
  assert.equal(evaluate(`state like '${'%a'.repeat(498)}%b'`, { state: 'a'.repeat(20_000) }), false);
  assert.ok(performance.now() - started < 2000);
});

test('a value that breaks the contract of a row is an internal error that does not show it', () => {
  assert.throws(
    () => evaluate('id = 1', { id: 'secret' }),
    (error: HakiriError) => {
      assert.equal(error.code, 'internal');
      return !error.message.includes('secret');
    },
  );
});
