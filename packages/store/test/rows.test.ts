import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import type { JsonValue } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { openRowSidecars, sidecarPath } from '../src/rows/index.ts';
import { testEngine } from './support/engine.ts';
import { type RowsTable, rowsTable, runAt } from './support/rows-table.ts';
import { emptyRoot, schema } from './support/test-store.ts';

const DAY = 86_400_000;
const T0 = Date.parse('2026-01-01T00:00:00Z');

describe('the row sidecar', () => {
  let engine: Engine;
  /** Jobs that the engine's background child was asked for. */
  let jobs: string[] = [];
  before(() => {
    const real = testEngine();
    engine = {
      ...real,
      job: (job, request) => {
        jobs.push((request as { work: { kind: string } }).work.kind);
        return real.job(job, request);
      },
    };
  });
  after(() => engine.close());

  const open = (table: RowsTable) => openRowSidecars({ ...table, engine });
  const fileOf = ({ paths, name }: RowsTable) => sidecarPath(paths.cache, 'test', name);
  const people = (rows: readonly (readonly [number, string])[]) =>
    rows.map(([id, name]) => ({ values: { id, name } }));

  test('gives alive rows in the order asked, with where they come from', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(runAt(T0), people(Array.from({ length: 100 }, (_, i) => [i, `n${i}`])));
    const rows = open(table);
    const [b, none, a] = await rows.get(table.name, [[42], [1000], ['7']]);
    assert.deepEqual(b?.values, { id: 42, name: 'n42' });
    assert.equal(b?.run, runAt(T0));
    assert.equal(b?.seq, 42);
    assert.match(b?.order ?? '', /-1000000042$/);
    assert.equal(none, undefined);
    assert.deepEqual(a?.values, { id: 7, name: 'n7' });
    await rows.close();
  });

  test('a key of another shape or type is no row, not an error', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(runAt(T0), people([[1, 'a']]));
    const rows = open(table);
    const odd: JsonValue[][] = [
      [],
      [1, 2],
      [null],
      ['x'],
      [1.5],
      ['99999999999999999999'],
      [{ a: 1 }],
      [true],
    ];
    assert.deepEqual(
      await rows.get(table.name, odd),
      odd.map(() => undefined),
    );
    await rows.close();
  });

  test('integers past 2^53 are asked for as text and come as text', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', n: 'int64' }, ['id']);
    await table.commit(runAt(T0), [{ values: { id: '9007199254740993', n: '-9223372036854775808' } }]);
    const rows = open(table);
    const [row] = await rows.get(table.name, [['9007199254740993']]);
    assert.deepEqual(row?.values, { id: '9007199254740993', n: '-9223372036854775808' });
    await rows.close();
  });

  test('keys of several columns, with times, decimals and bytes, are found as they are written on every way out', async (t) => {
    const columns = { day: 'date', at: 'timestamp', price: 'decimal(18,2)', raw: 'bytes', name: 'string' };
    const table = rowsTable(emptyRoot(t), engine, columns, ['day', 'at', 'price', 'name']);
    const values = {
      day: '2026-02-03',
      at: '2026-02-03T04:05:06.120Z',
      price: '12.30',
      raw: 'aGk=',
      name: 'a"\u0001',
    };
    await table.commit(runAt(T0), [{ values }]);
    const rows = open(table);
    const [first] = await table.rows();
    const shown = Object.fromEntries(
      table.table.schema.columns.map(({ name }, i) => [name, first?.[i] ?? null]),
    );
    const key = ['day', 'at', 'price', 'name'].map((name) => shown[name] ?? null);
    const otherZone = ['2026-02-03', '2026-02-03T05:05:06.12+01:00', 12.3, 'a"\u0001'];
    const [one, two] = await rows.get(table.name, [key, otherZone]);
    assert.deepEqual(one?.values, shown);
    assert.deepEqual(two?.values, shown);
    await rows.close();
  });

  test('in a table without a key a row is found by its run and sequence', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { name: 'string' }, []);
    await table.commit(runAt(T0), [{ values: { name: 'a' } }, { values: { name: 'b' } }]);
    const rows = open(table);
    await rows.get(table.name, []);
    await table.commit(runAt(T0 + 1), [{ values: { name: 'c' } }]);
    const found = await rows.get(table.name, [
      [runAt(T0), 1],
      [runAt(T0 + 1), 0],
      [runAt(T0), 2],
      ['x', 0],
    ]);
    assert.deepEqual(
      found.map((row) => row?.values.name),
      ['b', 'c', undefined, undefined],
    );
    await rows.close();
  });

  test('nothing is made for a table that nobody reads by key', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(runAt(T0), people([[1, 'a']]));
    const rows = open(table);
    await rows.afterCommit(table.table);
    table.write(runAt(T0 + 1), people([[1, 'b']]), 0);
    rows.afterSmallWrite(table.table);
    assert.equal(existsSync(fileOf(table)), false);
    await rows.close();
  });

  test('is current after a commit, told of it or not, without being built again', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(runAt(T0), people([[1, 'a']]));
    const rows = open(table);
    await rows.get(table.name, [[1]]);
    jobs = [];
    await table.commit(runAt(T0 + 1), people([[1, 'b']]));
    await rows.afterCommit(table.table);
    assert.deepEqual(jobs, ['merge']);
    assert.equal((await rows.get(table.name, [[1]]))[0]?.values.name, 'b');
    assert.deepEqual(jobs, ['merge']);
    await table.commit(runAt(T0 + 2), people([[2, 'c']]));
    assert.equal((await rows.get(table.name, [[2]]))[0]?.values.name, 'c');
    assert.deepEqual(jobs, ['merge', 'merge']);
    await rows.close();
  });

  test('a late row that loses does not replace, nor bring back what was deleted', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(runAt(T0 + 10), [
      { values: { id: 1, name: 'new' }, order: '19' },
      { values: { id: 2, name: 'x' }, deleted: true, order: '19' },
    ]);
    const rows = open(table);
    await rows.get(table.name, [[1]]);
    await table.commit(runAt(T0 + 20), [
      { values: { id: 1, name: 'old' }, order: '18' },
      { values: { id: 2, name: 'old' }, order: '18' },
    ]);
    const found = await rows.get(table.name, [[1], [2]]);
    assert.deepEqual(
      found.map((row) => row?.values.name),
      ['new', undefined],
    );
    await rows.close();
  });

  test('small writes are taken in without the engine, and a torn last line is not there', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(
      runAt(T0),
      people([
        [1, 'a'],
        [2, 'b'],
      ]),
    );
    const rows = open(table);
    await rows.get(table.name, [[1]]);
    jobs = [];
    const file = table.write(runAt(T0 + 1), people([[1, 'a2']]), 0);
    rows.afterSmallWrite(table.table);
    table.write(runAt(T0 + 1), [{ values: { id: 2, name: null }, deleted: true }], 1);
    const found = await rows.get(table.name, [[1], [2]]);
    assert.deepEqual(
      found.map((row) => row?.values.name),
      ['a2', undefined],
    );
    appendFileSync(file, '{"at":"2026-01-01T00:00:00Z","rows":[{"id":1,"na');
    assert.equal((await rows.get(table.name, [[1]]))[0]?.values.name, 'a2');
    assert.deepEqual(jobs, []);
    await rows.close();
  });

  test('thousands of small writes end up in blocks', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(runAt(T0), people([[1, 'a']]));
    const rows = open(table);
    await rows.get(table.name, [[1]]);
    for (let i = 0; i < 100; i++) {
      table.write(
        runAt(T0 + 1),
        people(Array.from({ length: 30 }, (_, n) => [(i * 30 + n) % 1000, `v${i}`])),
        i * 30,
      );
      rows.afterSmallWrite(table.table);
    }
    const keys = Array.from({ length: 1000 }, (_, i) => [i]);
    const found = await rows.get(table.name, keys);
    const names = new Map((await table.rows()).map(([id, name]) => [id, name]));
    assert.deepEqual(
      found.map((row) => row?.values.name),
      keys.map(([id]) => names.get(id ?? -1)),
    );
    await rows.close();
  });

  test('compaction and folding change nothing, and cost nothing', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(
      runAt(T0),
      people([
        [1, 'a'],
        [2, 'b'],
      ]),
    );
    await table.commit(runAt(T0 + 1), people([[1, 'c']]));
    const rows = open(table);
    await rows.get(table.name, [[1]]);
    jobs = [];
    await table.compact(2, T0 - DAY);
    const found = await rows.get(table.name, [[1], [2]]);
    assert.deepEqual(
      found.map((row) => row?.values.name),
      ['c', 'b'],
    );
    assert.deepEqual(jobs, []);
    table.write(runAt(T0 + 2), people([[2, 'd']]), 0);
    assert.equal((await rows.get(table.name, [[2]]))[0]?.values.name, 'd');
    await table.fold();
    assert.equal((await rows.get(table.name, [[2]]))[0]?.values.name, 'd');
    await rows.close();
  });

  test('a tombstone past its time no longer hides an older row, exactly as in the view', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(runAt(T0), [{ values: { id: 1, name: null }, deleted: true, order: '19' }]);
    await table.commit(runAt(T0 + 40 * DAY), people([[2, 'b']]));
    const rows = open(table);
    await rows.get(table.name, [[1]]);
    await table.commit(runAt(T0 + 41 * DAY), [{ values: { id: 1, name: 'late' }, order: '18' }]);
    assert.equal((await rows.get(table.name, [[1]]))[0], undefined);
    await table.compact(2, T0 + 30 * DAY);
    assert.equal((await table.rows()).length, 2);
    assert.equal((await rows.get(table.name, [[1]]))[0]?.values.name, 'late');
    await rows.close();
  });

  test('a wider integer key is the same key; a type that writes its values otherwise makes it anew', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int32', n: 'int32' }, ['id']);
    await table.commit(runAt(T0), [{ values: { id: 1, n: 5 } }]);
    const rows = open(table);
    await rows.get(table.name, [[1]]);
    jobs = [];
    table.table = { ...table.table, schema: schema({ id: 'int64', n: 'int32', added: 'string' }) };
    assert.deepEqual((await rows.get(table.name, [[1]]))[0]?.values, { id: 1, n: 5, added: null });
    assert.deepEqual(jobs, []);
    table.table = { ...table.table, schema: schema({ id: 'int64', n: 'decimal(10,2)', added: 'string' }) };
    assert.deepEqual((await rows.get(table.name, [[1]]))[0]?.values, { id: 1, n: '5.00', added: null });
    assert.deepEqual(jobs, ['build']);
    await rows.close();
  });

  test('a run whose files were rewritten, or that is gone, makes it anew', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(
      runAt(T0),
      people([
        [1, 'a'],
        [2, 'b'],
      ]),
    );
    await table.commit(runAt(T0 + 1), people([[3, 'c']]));
    const rows = open(table);
    await rows.get(table.name, [[1]]);
    const { newer } = table.table;
    table.table = { ...table.table, newer: [] };
    await table.commit(runAt(T0), people([[2, 'b']]));
    table.table = { ...table.table, newer: [...table.table.newer, ...newer.slice(1)] };
    assert.deepEqual(
      (await rows.get(table.name, [[1], [2]])).map((row) => row?.values.name),
      [undefined, 'b'],
    );
    table.table = { ...table.table, newer: newer.slice(1) };
    assert.deepEqual(
      (await rows.get(table.name, [[2], [3]])).map((row) => row?.values.name),
      [undefined, 'c'],
    );
    await rows.close();
  });

  test('a file that is truncated, overwritten, emptied, removed or of a newer format is made anew', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(runAt(T0), people(Array.from({ length: 3000 }, (_, i) => [i, `some text ${i}`])));
    const file = fileOf(table);
    const harm: readonly ((path: string) => void)[] = [
      (path) => truncateSync(path, 40_000),
      (path) => truncateSync(path, 0),
      (path) => writeFileSync(path, 'no database at all'),
      (path) => {
        const bytes = readFileSync(path);
        bytes.fill(0x5a, 16_384);
        writeFileSync(path, bytes);
      },
      // As a newer Hakiri may have made it.
      (path) => {
        const db = new DatabaseSync(path);
        db.exec('ALTER TABLE keys RENAME TO later; UPDATE state SET format = 99');
        db.close();
      },
    ];
    for (const harmed of harm) {
      const first = open(table);
      await first.get(table.name, [[0]]);
      await first.close();
      harmed(file);
      const rows = open(table);
      const found = await rows.get(table.name, [[0], [2999], [1500]]);
      assert.deepEqual(
        found.map((row) => row?.values.name),
        ['some text 0', 'some text 2999', 'some text 1500'],
      );
      await rows.drop(table.name);
      assert.equal(existsSync(file), false);
      assert.equal((await rows.get(table.name, [[7]]))[0]?.values.name, 'some text 7');
      await rows.close();
    }
  });

  test('where no sidecar can be written the rows come through the view', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(
      runAt(T0),
      people([
        [1, 'a'],
        [2, 'b'],
      ]),
    );
    const cache = join(table.paths.root, 'no-folder');
    writeFileSync(cache, '');
    const rows = openRowSidecars({
      ...table,
      paths: { ...table.paths, cache },
      engine,
    });
    const found = await rows.get(table.name, [[2], [9], [1], [2]]);
    assert.deepEqual(
      found.map((row) => row?.values),
      [{ id: 2, name: 'b' }, undefined, { id: 1, name: 'a' }, { id: 2, name: 'b' }],
    );
    await rows.close();
  });

  test('two programs over one store each see the last commit', async (t) => {
    const table = rowsTable(emptyRoot(t), engine, { id: 'int64', name: 'string' }, ['id']);
    await table.commit(runAt(T0), people([[1, 'a']]));
    const [one, two] = [open(table), open(table)];
    for (let i = 1; i < 6; i++) {
      table.write(runAt(T0 + 1), people([[1, `w${i}`]]), i);
      const found = await Promise.all([one, two].map((rows) => rows.get(table.name, [[1]])));
      assert.deepEqual(
        found.map(([row]) => row?.values.name),
        [`w${i}`, `w${i}`],
      );
      if (i === 3) await one.drop(table.name);
    }
    await one.close();
    await two.close();
  });
});
