import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Column, JsonValue, LogicalType } from '@hakiri/core';
import type { CompactBasePart, CompactPart, CompactPartitioning, CompactRequest } from '../src/index.ts';
import { orderOf, REQUEST, type Row, runId, writeRows, writtenRows } from './support/compact-table.ts';
import { testEngine } from './support/engine.ts';

const engine = testEngine();
const root = mkdtempSync(join(tmpdir(), 'hakiri-compact-'));
after(async () => {
  await engine.close();
  rmSync(root, { recursive: true, force: true });
});
let made = 0;
const fresh = (): string => join(root, String(made++));

const column = (name: string, kind: string): Column => ({ name, type: { kind } as LogicalType });
const SCHEMA = { columns: [column('id', 'int64'), column('p', 'string'), column('v', 'string')] };

const row = (run: number, seq: number, values: Row['values'], more: Partial<Row> = {}): Row => ({
  values,
  run: runId(run),
  seq,
  deleted: false,
  order: orderOf(run, run, seq),
  ...more,
});

async function part(rows: readonly Row[], columns = SCHEMA.columns): Promise<CompactPart> {
  return writeRows(engine, `${fresh()}.parquet`, columns, rows);
}

async function compacted(request: Partial<CompactRequest>) {
  const output = fresh();
  const full: CompactRequest = { ...REQUEST, schema: SCHEMA, newer: [], output, ...request };
  const result = await engine.compact(full);
  const rows = (select: string) => writtenRows(engine, output, result, select);
  /** The snapshot as base of the next compaction. */
  const base: CompactBasePart[] = result.partitions.flatMap(({ partition, parts, columns }) =>
    parts.map(({ file, rows: count }) => ({
      path: join(output, file),
      columns: full.schema,
      rows: count,
      partition,
      keyBounds: Object.fromEntries(
        full.primaryKey.flatMap((key) => (columns[key] ? [[key, columns[key]]] : [])),
      ),
    })),
  );
  return { output, result, rows, base };
}

const BY_P: CompactPartitioning = { kind: 'by', column: 'p', minRows: 1, maxPartitions: 1000 };

describe('compaction', () => {
  it('keeps the row with the greatest order of each key, sorted by key', async () => {
    const newer = [
      await part([row(1, 0, { id: 3, v: 'a' }), row(1, 1, { id: 1, v: 'b' })]),
      await part([
        row(2, 0, { id: 3, v: 'late' }, { order: orderOf(0, 2, 0) }),
        row(2, 1, { id: 1, v: 'c' }),
      ]),
    ];
    const { rows, result, output } = await compacted({ newer });
    assert.deepEqual(await rows('id, v'), {
      '': [
        [1, 'c'],
        [3, 'a'],
      ],
    });
    assert.equal(result.greatestOrder, orderOf(2, 2, 1));
    assert.deepEqual(readdirSync(output), ['part-00000.parquet']);
  });

  it('keeps a tombstone that wins until its run is older than the bound', async () => {
    const newer = [
      await part([row(1, 0, { id: 1 }, { deleted: true }), row(2, 0, { id: 2 }, { deleted: true })]),
    ];
    const kept = await compacted({ newer });
    assert.deepEqual(await kept.rows('id, _hakiri_deleted'), {
      '': [
        [1, true],
        [2, true],
      ],
    });
    assert.equal(kept.result.partitions[0]?.tombstones, 2);
    const dropped = await compacted({ newer, dropTombstonesBefore: runId(2) });
    assert.deepEqual(await dropped.rows('id'), { '': [[2]] });
    assert.deepEqual((await compacted({ newer, dropTombstonesBefore: runId(3) })).result.partitions, []);
  });

  it('reads parts of older schemas as the newest one', async () => {
    const schema = {
      columns: [
        column('id', 'int64'),
        column('j', 'json'),
        column('later', 'double'),
        column('never', 'undecided'),
        column('file_row_number', 'int32'),
      ],
    };
    const newer = [
      await part([row(1, 0, { id: 1, j: 'text' })], [column('id', 'int8'), column('j', 'string')]),
      await part([row(1, 1, { id: 2, j: { a: 1 }, later: 2.5 })], schema.columns.slice(0, 4)),
      await part([row(2, 0, { id: 5, file_row_number: 7 }), row(2, 1, { id: 4 })], schema.columns),
    ];
    const { rows } = await compacted({ newer, schema });
    assert.deepEqual(await rows('id, j, later, file_row_number'), {
      '': [
        [1, 'text', null, null],
        [2, { a: 1 }, 2.5, null],
        [4, null, null, null],
        [5, null, null, 7],
      ],
    });
  });

  it('keeps every row of a table without a key, in the order of its runs', async () => {
    const newer = [
      await part([row(2, 0, { id: 1, v: 'c' })]),
      await part([row(1, 1, { id: 1, v: 'b' }), row(1, 0, { id: 1, v: 'a' })]),
    ];
    const { rows } = await compacted({ newer, primaryKey: [] });
    assert.deepEqual(await rows('v'), { '': [['a'], ['b'], ['c']] });
  });

  it('gives the same bytes for the same request', async () => {
    const values = Array.from({ length: 5000 }, (_, i) =>
      row(1, i, { id: (i * 7919) % 5000, p: `${i % 7}`, v: `v${i}` }),
    );
    const newer = [await part(values), await part([row(2, 0, { id: 17, p: '3', v: 'x' })])];
    const digests = async () =>
      (await compacted({ newer, partitioning: BY_P, targetPartRows: 300 })).result.partitions;
    const first = await digests();
    assert.deepEqual(await digests(), first);
    assert.ok(first.every(({ parts }) => parts.length === 3));
  });

  it('gives odd values folders of their own that are plain names', async () => {
    const odd: JsonValue[] = [
      '',
      '/',
      '..',
      '.',
      '%',
      '%2F',
      'é',
      '日本',
      '_null',
      '_mixed',
      'a b',
      "it's",
      '*',
      '[x]',
      'a\0b',
      'A',
      'a',
      null,
    ];
    const long = 'x'.repeat(121);
    const newer = [await part([...odd, long].map((p, id) => row(1, id, { id, p })))];
    const { rows, result, output } = await compacted({ newer, partitioning: BY_P });
    const found = await rows('p');
    assert.equal(Object.keys(found).length, odd.length + 1);
    assert.deepEqual(found['p=_null'], [[null]]);
    assert.deepEqual(found['p=%5Fnull'], [['_null']]);
    assert.deepEqual(found._mixed, [[long]]);
    assert.deepEqual(found['p=..'], [['..']]);
    assert.deepEqual(readdirSync(output).sort(), result.partitions.map(({ partition }) => partition).sort());
    const again = await compacted({
      base: (await compacted({ newer, partitioning: BY_P })).base,
      newer: [await part(odd.map((p, id) => row(2, id, { id, p, v: 'new' })))],
      partitioning: BY_P,
    });
    assert.deepEqual(again.result.unchanged, ['_mixed']);
    assert.equal(again.result.partitions.length, odd.length);
  });

  it('cuts by numbers, booleans and fields of structs', async () => {
    const schema = {
      columns: [
        column('id', 'int64'),
        {
          name: 's',
          type: {
            kind: 'struct',
            fields: [
              { name: 'b', type: { kind: 'boolean' } },
              { name: 'd', type: { kind: 'double' } },
            ],
          } as const,
        },
      ],
    };
    const newer = [
      await part(
        [
          row(1, 0, { id: 1, s: { b: true, d: 1.5 } }),
          row(1, 1, { id: 2, s: { b: false, d: -3 } }),
          row(1, 2, { id: 3 }),
        ],
        schema.columns,
      ),
    ];
    const by = async (path: string) =>
      Object.keys(
        await (await compacted({ newer, schema, partitioning: { ...BY_P, column: path } })).rows('id'),
      ).sort();
    assert.deepEqual(await by('s.b'), ['s.b=_null', 's.b=false', 's.b=true']);
    assert.deepEqual(await by('s.d'), ['s.d=-3.0', 's.d=1.5', 's.d=_null']);
    assert.deepEqual(await by('id'), ['id=1', 'id=2', 'id=3']);
  });

  it('lets rare values share a partition until they have rows enough, and never cuts more than allowed', async () => {
    const rows = (run: number, p: string, from: number, count: number) =>
      Array.from({ length: count }, (_, i) => row(run, from + i, { id: from + i, p }));
    const partitioning: CompactPartitioning = { kind: 'by', column: 'p', minRows: 3, maxPartitions: 2 };
    const first = await compacted({
      newer: [await part([...rows(1, 'a', 0, 3), ...rows(1, 'b', 10, 2), ...rows(1, 'c', 20, 1)])],
      partitioning,
    });
    assert.deepEqual(await first.rows('id'), { 'p=a': [[0], [1], [2]], _mixed: [[10], [11], [20]] });
    const second = await compacted({
      base: first.base,
      newer: [await part(rows(2, 'b', 12, 2))],
      partitioning,
    });
    assert.deepEqual(await second.rows('id'), { 'p=b': [[10], [11], [12], [13]], _mixed: [[20]] });
    assert.deepEqual(second.result.unchanged, ['p=a']);
    const base = [...first.base.filter(({ partition }) => partition === 'p=a'), ...second.base];
    const third = await compacted({ base, newer: [await part(rows(3, 'c', 21, 9))], partitioning });
    assert.deepEqual(Object.keys(await third.rows('id')), ['_mixed']);
  });

  it('takes a row that moves out of the partition where it was', async () => {
    const first = await compacted({
      newer: [
        await part(
          ['a', 'b', 'c', 'd'].flatMap((p, i) => [
            row(1, 2 * i, { id: i, p }),
            row(1, 2 * i + 1, { id: 100 + i, p }),
          ]),
        ),
      ],
      partitioning: BY_P,
    });
    const second = await compacted({
      base: first.base,
      newer: [await part([row(2, 0, { id: 0, p: 'b' }), row(2, 1, { id: 3, p: 'd' })])],
      partitioning: BY_P,
    });
    assert.deepEqual(await second.rows('id'), {
      'p=a': [[100]],
      'p=b': [[0], [1], [101]],
      'p=d': [[3], [103]],
    });
    assert.deepEqual(second.result.unchanged, ['p=c']);
    const third = await compacted({
      base: [...first.base.filter(({ partition }) => partition === 'p=c'), ...second.base],
      newer: [await part([row(3, 0, { id: 100, p: 'b' })])],
      partitioning: BY_P,
    });
    assert.deepEqual(Object.keys(await third.rows('id')), ['p=b']);
    assert.deepEqual(third.result.unchanged.toSorted(), ['p=c', 'p=d']);
  });

  it('cuts by time, and lets rows grow old only when the boundary has moved', async () => {
    const schema = { columns: [column('id', 'int64'), column('t', 'timestamp')] };
    const recent = (boundary: string, dirty: boolean): CompactPartitioning => ({
      kind: 'recent',
      column: 't',
      label: 'recent_7d',
      boundary,
      dirty,
    });
    const at = (day: number) => `2026-01-${String(day).padStart(2, '0')}T00:00:00Z`;
    const newer = [
      await part(
        [1, 2, 3].map((day) => row(1, day, { id: day, t: at(day) })).concat(row(1, 4, { id: 4 })),
        schema.columns,
      ),
    ];
    const first = await compacted({ newer, schema, partitioning: recent(at(2), false) });
    assert.deepEqual(await first.rows('id'), { archive: [[1], [4]], recent_7d: [[2], [3]] });
    const same = await compacted({ base: first.base, schema, partitioning: recent(at(2), true) });
    assert.deepEqual(same.result, {
      partitions: [],
      unchanged: ['archive', 'recent_7d'],
      greatestOrder: null,
    });
    const moved = await compacted({ base: first.base, schema, partitioning: recent(at(3), true) });
    assert.deepEqual(await moved.rows('id'), { archive: [[1], [2], [4]], recent_7d: [[3]] });
  });

  it('says bounds, nulls and distinct values of scalar columns', async () => {
    const schema = {
      columns: [
        column('id', 'int64'),
        column('t', 'timestamp'),
        column('b', 'boolean'),
        column('s', 'string'),
        column('n', 'double'),
        column('l', 'string'),
      ],
    };
    const newer = [
      await part(
        [
          row(1, 0, {
            id: '9007199254740993',
            t: '2026-01-01T00:00:00.5Z',
            b: true,
            s: 'a\0',
            n: 'NaN',
            l: 'z'.repeat(65),
          }),
          row(1, 1, { id: -5, s: 'b' }),
        ],
        schema.columns,
      ),
    ];
    const { result } = await compacted({ newer, schema, targetPartRows: 1 });
    assert.deepEqual(result.partitions[0]?.columns, {
      id: { min: -5, max: '9007199254740993', nulls: 0, distinct: 2 },
      t: { min: '2026-01-01T00:00:00.5Z', max: '2026-01-01T00:00:00.5Z', nulls: 1, distinct: 1 },
      b: { min: true, max: true, nulls: 1, distinct: 1 },
      s: { min: 'a\0', max: 'b', nulls: 0, distinct: 2 },
      n: { min: null, max: null, nulls: 1, distinct: 1 },
      l: { min: null, max: null, nulls: 1, distinct: 1 },
    });
  });

  it('says which error a damaged part is, and leaves nothing of its own work behind', async () => {
    const newer = [{ path: join(root, 'absent.parquet'), columns: SCHEMA, rows: 1 }];
    const output = fresh();
    await assert.rejects(compacted({ newer, output }), { code: 'store.io' });
    assert.deepEqual(readdirSync(output), []);
  });
});
