import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import type { LogicalType, TableSchema } from '@hakiri/core';
import type { CompactBasePart, CompactPart, CompactRequest } from '../src/index.ts';
import { REQUEST, runId } from './support/compact-table.ts';
import { testEngine } from './support/engine.ts';

const engine = testEngine();
const root = mkdtempSync(join(tmpdir(), 'hakiri-compact-large-'));
after(async () => {
  await engine.close();
  rmSync(root, { recursive: true, force: true });
});

const column = (name: string, kind: string) => ({ name, type: { kind } as LogicalType });
const SCHEMA: TableSchema = { columns: [column('id', 'string'), column('v', 'string')] };
const MEMORY_BYTES = 100_000_000;

/** Rows whose keys lie scattered; key and value have so many bytes. */
async function scattered(
  run: number,
  rows: number,
  keys: number,
  key: number,
  value: number,
): Promise<CompactPart> {
  const path = join(root, `run-${keys}-${run}.parquet`);
  const id = `(i * 7919 + ${run}) % ${keys}`;
  await engine.copy({
    select: `SELECT repeat('k', ${key}) || lpad((${id})::VARCHAR, 9, '0') AS id, repeat(md5((${id} + ${run})::VARCHAR), ${value} // 32) AS v,
      '${runId(run)}' AS _hakiri_run, i AS _hakiri_seq, false AS _hakiri_deleted,
      concat('3', md5((i + ${run})::VARCHAR), chr(0), '-00000000-${runId(run)}-', i + 1000000000) AS _hakiri_order
      FROM range(${rows}) t(i)`,
    output: path,
    rowGroupRows: 1000,
  });
  return { path, columns: SCHEMA, rows };
}

/** Compacts, and compares with what one statement over the same parts says. */
async function agrees(newer: readonly CompactPart[], base: readonly CompactBasePart[], output: string) {
  const request: CompactRequest = {
    ...REQUEST,
    newer,
    base,
    schema: SCHEMA,
    output,
    memoryLimitBytes: MEMORY_BYTES,
  };
  const result = await engine.compact(request);
  const files = (paths: readonly string[]) =>
    `read_parquet([${paths.map((path) => `'${path}'`).join(', ')}])`;
  const digest = 'count(*), sum(hash(id, v, _hakiri_order))::VARCHAR';
  const written = result.partitions.flatMap(({ parts }) => parts.map(({ file }) => join(output, file)));
  const [ours] = await engine.select(`SELECT ${digest} FROM ${files(written)}`);
  const [expected] = await engine.select(
    `SELECT ${digest} FROM (SELECT * FROM ${files([...base, ...newer].map(({ path }) => path))} QUALIFY row_number() OVER (PARTITION BY id ORDER BY _hakiri_order DESC) = 1)`,
  );
  assert.deepEqual(ours, expected);
  const [unsorted] = await engine.select(
    `SELECT count(*) FROM (SELECT id, lag(id) OVER () AS before FROM ${files(written)}) WHERE before >= id`,
  );
  assert.deepEqual(unsorted, [0]);
  return result;
}

it('merges rows that are many times the memory, a piece at a time', async () => {
  const newer = [await scattered(1, 30_000, 40_000, 1, 3200), await scattered(2, 20_000, 40_000, 1, 3200)];
  const first = await agrees(newer, [], join(root, 'wide-1'));
  const parts = first.partitions[0]?.parts ?? [];
  assert.ok(parts.length > 2);
  const base = parts.map(({ file, rows }) => ({
    path: join(root, 'wide-1', file),
    columns: SCHEMA,
    rows,
    partition: '',
  }));
  await agrees([await scattered(3, 5000, 40_000, 1, 3200)], base, join(root, 'wide-2'));
});

it('finds the winners of keys that are many times the memory, a range of keys at a time', async () => {
  await agrees(
    [await scattered(1, 40_000, 30_000, 5000, 32), await scattered(2, 40_000, 30_000, 5000, 32)],
    [],
    join(root, 'keys'),
  );
});
