import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { parseTypeName, type TransformStep } from '@hakiri/core';
import { compileTransforms } from '../../src/transforms/compile-transforms.ts';

const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
after(() => connection.closeSync());

const INPUT = `SELECT * FROM (VALUES
  (1, 'open', ['a', 'b'], {'login': 'ann', 'uid': 7}, NULL, 0::BIGINT, false, '1'),
  (2, 'spam', [], NULL, NULL, 1::BIGINT, false, '2'),
  (3, NULL, NULL, {'login': 'bob', 'uid': 8}, NULL, 2::BIGINT, true, '3')
) AS v(id, state, labels, "user", later, _hakiri_seq, _hakiri_deleted, _hakiri_value)`;

type Step = TransformStep;

async function run(steps: readonly Step[], keyed = false) {
  const reader = await connection.runAndReadAll(
    `WITH input AS (${INPUT}) ${compileTransforms(steps, { keyed })}`,
  );
  return reader.getRowObjectsJson() as Record<string, unknown>[];
}

const names = (rows: readonly object[]) => Object.keys(rows[0] ?? {});
const own = (rows: readonly object[]) => names(rows).filter((name) => !name.startsWith('_hakiri_'));
const withColumns = (columns: Readonly<Record<string, string>>): Step => ({
  verb: 'with_columns',
  columns: Object.entries(columns).map(([name, expression]) => ({ name, expression })),
});
const filter = (expression: string): Step => ({ verb: 'filter', expression });
const refused = (step: Step, message: RegExp) =>
  assert.throws(() => compileTransforms([step], { keyed: false }), { code: 'transform.invalid', message });

test('every verb carries the three columns of Hakiri through', async () => {
  const steps: Step[] = [
    { verb: 'select', columns: ['state', 'id', 'labels', 'user'] },
    { verb: 'drop', columns: ['state'] },
    withColumns({ twice: 'id * 2' }),
    filter('id > 0'),
    { verb: 'rename', columns: [{ from: 'id', to: 'key' }] },
    { verb: 'cast', columns: [{ name: 'key', type: parseTypeName('string') }] },
    { verb: 'explode', column: 'labels' },
    { verb: 'unnest', column: 'user' },
  ];
  for (let count = 0; count <= steps.length; count++) {
    const found = names(await run(steps.slice(0, count)));
    for (const name of ['_hakiri_seq', '_hakiri_deleted', '_hakiri_value']) {
      assert.equal(found.filter((each) => each === name).length, 1, `${name} after ${count} steps`);
    }
  }
  assert.deepEqual(own(await run(steps)).toSorted(), ['key', 'labels', 'login', 'twice', 'uid']);
});

test('select keeps the named columns in their order', async () => {
  assert.deepEqual(own(await run([{ verb: 'select', columns: ['state', 'id'] }])), ['state', 'id']);
});

test('with_columns adds and replaces, each expression seeing the row as it was before', async () => {
  const rows = await run([
    withColumns({ ID: 'id + 1', next: 'id + 10', after: 'coalesce(state, id::VARCHAR)' }),
  ]);
  assert.equal(own(rows).filter((name) => name.toLowerCase() === 'id').length, 1);
  assert.deepEqual(
    rows.map((row) => [row.ID, row.next]),
    [
      [2, 11],
      [3, 12],
      [4, 13],
    ],
  );
  await assert.rejects(run([withColumns({ fresh: 'id', other: 'fresh + 1' })]), /fresh/);
});

test('a filter removes rows of a table without a key, where the condition is false or null', async () => {
  assert.deepEqual(
    (await run([filter("state <> 'spam'")])).map(({ id }) => id),
    [1],
  );
});

test('a filter makes a tombstone of rows of a keyed table, and leaves a delete a delete', async () => {
  const rows = await run([filter("state <> 'spam'")], true);
  assert.deepEqual(
    rows.map((row) => [row.id, row._hakiri_deleted]),
    [
      [1, false],
      [2, true],
      [3, true],
    ],
  );
  const all = await run([filter('true')], true);
  assert.deepEqual(
    all.map((row) => row._hakiri_deleted),
    [false, false, true],
  );
});

test('steps run in the order given', async () => {
  const shifted = await run([withColumns({ id: 'id - 1' }), filter('id >= 1')]);
  const kept = await run([filter('id >= 1'), withColumns({ id: 'id - 1' })]);
  assert.deepEqual([shifted.length, kept.length], [2, 3]);
});

test('rename swaps names, and refuses a name that is not there or is taken', async () => {
  const swap: Step = {
    verb: 'rename',
    columns: [
      { from: 'id', to: 'state' },
      { from: 'state', to: 'id' },
    ],
  };
  assert.equal((await run([swap]))[0]?.state, 1);
  await assert.rejects(run([{ verb: 'rename', columns: [{ from: 'nope', to: 'x' }] }]), /nope/);
  await assert.rejects(run([{ verb: 'rename', columns: [{ from: 'id', to: 'State' }] }]), /multiple times/i);
});

test('drop and cast refuse a column that is not there', async () => {
  await assert.rejects(run([{ verb: 'drop', columns: ['nope'] }]), /nope/);
  await assert.rejects(run([{ verb: 'cast', columns: [{ name: 'nope', type: { kind: 'int64' } }] }]), /nope/);
});

test('explode makes a row of each item, and keeps rows whose list is empty, null or undecided', async () => {
  const rows = await run([{ verb: 'explode', column: 'labels' }]);
  assert.deepEqual(
    rows.map((row) => [row.id, row.labels]),
    [
      [1, 'a'],
      [1, 'b'],
      [2, null],
      [3, null],
    ],
  );
  assert.equal((await run([{ verb: 'explode', column: 'later' }])).length, 3);
  await assert.rejects(run([{ verb: 'explode', column: 'state' }]));
});

test('unnest makes columns of fields, refuses a clash, and keeps the rows of an undecided column', async () => {
  const rows = await run([{ verb: 'unnest', column: 'user' }]);
  assert.deepEqual(
    rows.map((row) => [row.login, row.uid]),
    [
      ['ann', 7],
      [null, null],
      ['bob', 8],
    ],
  );
  assert.ok(!names(rows).includes('user') && !names(rows).includes('_hakiri_none'));
  const clash: Step[] = [
    { verb: 'rename', columns: [{ from: 'state', to: 'LOGIN' }] },
    { verb: 'unnest', column: 'user' },
  ];
  await assert.rejects(run(clash), /multiple times/i);
  assert.equal((await run([{ verb: 'unnest', column: 'later' }])).length, 3);
  await assert.rejects(run([{ verb: 'unnest', column: 'labels' }]));
});

test('names with quotes and keywords stay names', async () => {
  const odd = 'o"dd; select';
  const rows = await run([withColumns({ [odd]: 'id' }), { verb: 'select', columns: [odd] }]);
  assert.equal(rows[0]?.[odd], 1);
});

test('what cannot be one expression is refused before the engine sees it', () => {
  const wrong = [
    ['1) AS x FROM secrets; --', /closes nothing/],
    ['(1', /"\)" is missing/],
    ['[1)', /closes nothing/],
    ["'open", /not closed/],
    ['"open', /not closed/],
    ['1; DROP TABLE x', /semicolon/],
    ['1 -- x', /comment/],
    ['1 /* x */', /comment/],
    ['a, b', /more than one/],
    ["E'\\') FROM x --'", /backslash/],
    ['$$ ) $$', /dollar/],
    [' ', /empty/],
    ['unnest(labels)', /unnest/],
    ['"UNNEST" (labels)', /unnest/],
    ['columns(*)', /columns/],
    ['_hakiri_seq + 1', /Hakiri's own/],
  ] as const;
  for (const [expression, message] of wrong) {
    refused(withColumns({ x: expression }), message);
    refused(filter(expression), message);
  }
});

test('quotes hide what they hold', async () => {
  const rows = await run([withColumns({ x: "'it''s (;--/*' || \"state\"" }), filter("x <> ')'")]);
  assert.equal(rows[0]?.x, "it's (;--/*open");
});

test('no verb touches a column of Hakiri, in any case', () => {
  refused({ verb: 'select', columns: ['_hakiri_seq'] }, /own columns/);
  refused({ verb: 'drop', columns: ['_HAKIRI_DELETED'] }, /own columns/);
  refused({ verb: 'rename', columns: [{ from: 'id', to: '_hakiri_value' }] }, /own columns/);
  refused(withColumns({ _hakiri_deleted: 'true' }), /own columns/);
  refused({ verb: 'select', columns: ['id', 'ID'] }, /named twice/);
});
