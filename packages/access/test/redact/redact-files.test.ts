import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { quoteIdentifier, type RedactionSpec, type TableSchema } from '@hakiri/core';
import { testEngine } from '../../../engine/test/support/engine.ts';
import { createTableRedactor, pseudonymsOf } from '../../src/index.ts';

const engine = testEngine();
after(() => engine.close());

const TEXT = { kind: 'string' } as const;
const PERSON = {
  kind: 'struct',
  fields: [
    { name: 'mail', type: TEXT },
    { name: 'kind', type: TEXT },
  ],
} as const;
const FOUND: TableSchema = {
  columns: [
    { name: 'id', type: { kind: 'int64' } },
    { name: 'Email', type: TEXT },
    { name: 'card', type: { kind: 'int64' } },
    { name: 'price', type: { kind: 'double' } },
    { name: 'person', type: PERSON },
    { name: 'people', type: { kind: 'list', item: PERSON } },
    { name: 'deep', type: { kind: 'list', item: { kind: 'list', item: PERSON } } },
    { name: 'notes', type: { kind: 'list', item: TEXT } },
    { name: 'gone', type: TEXT },
    { name: 'other', type: TEXT },
    { name: 'ada@example.com', type: TEXT },
  ],
};
const person = (mail: string): string => `{'mail': '${mail}', 'kind': 'k'}`;
const ROWS = `SELECT 1::BIGINT AS id, 'ada@example.com' AS "Email", 4539148803436467 AS card, 1.5::DOUBLE AS price,
 ${person('a@b.no')} AS person, [${person('a@b.no')}, NULL, ${person("o''k")}] AS people,
 [[${person('x')}], []] AS deep, ['n'] AS notes, 'g' AS gone, 'o' AS other, 'v' AS "ada@example.com"
 UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL`;

const SPEC: RedactionSpec = {
  columns: [
    { path: 'email', action: 'hash', piiType: 'email' },
    { path: 'card', action: 'tokenize', piiType: 'credit_card' },
    { path: 'price', action: 'mask', piiType: undefined },
    { path: 'person.mail', action: 'mask', piiType: 'email' },
    { path: 'people.mail', action: 'hash', piiType: 'email' },
    { path: 'deep.mail', action: 'redact', piiType: undefined },
    { path: 'notes', action: 'hash', piiType: undefined },
    { path: 'gone', action: 'deny', piiType: undefined },
  ],
  unknown: 'redact',
  named: ['id', 'email', 'card', 'price', 'person', 'people', 'deep', 'notes', 'gone'],
  primaryKey: ['id'],
};

test('a file is left as its rows would be left as records, and its columns have the types that are left', async () => {
  const redactor = createTableRedactor(SPEC, { columns: [] }, pseudonymsOf(Buffer.alloc(32, 3)));
  const { columns, unnamed } = redactor.file(FOUND, { columns: [] });
  const kept = columns.filter(({ type }) => type !== undefined && type.kind !== 'undecided');
  const selected = kept.map(({ name, sql }) => `${sql ?? quoteIdentifier(name)} AS ${quoteIdentifier(name)}`);
  const left = await engine.select(
    `SELECT CAST(to_json(r) AS VARCHAR) FROM (SELECT ${selected.join(', ')} FROM (${ROWS})) r`,
  );
  const given = await engine.select(`SELECT CAST(to_json(r) AS VARCHAR) FROM (${ROWS}) r`);
  const lines = given.map(([row]) => `${String(row)}\n`).join('');
  const records = Buffer.from(redactor.records({ columns: [] }).redact(Buffer.from(lines)).lines).toString(
    'utf8',
  );
  const names = kept.map(({ name }) => name);
  const expected = records
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map((row) => Object.fromEntries(names.map((name) => [name, row[name]])));
  assert.deepEqual(
    left.map(([row]) => JSON.parse(String(row))),
    expected,
  );
  assert.deepEqual(unnamed, ['other', 'a key that may be a value itself']);
  assert.deepEqual(
    columns.map(({ name, type }) => [name, type?.kind]),
    [
      ['id', 'int64'],
      ['Email', 'string'],
      ['card', 'string'],
      ['price', 'double'],
      ['person', 'struct'],
      ['people', 'list'],
      ['deep', 'list'],
      ['notes', 'list'],
      ['gone', undefined],
      ['other', 'undecided'],
      ['ada@example.com', undefined],
    ],
  );
});
