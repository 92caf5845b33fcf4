import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import type { Column, JsonValue, LogicalType } from '@hakiri/core';
import type { CompactBasePart, CompactPart, CompactPartitioning, CompactRequest } from '../src/index.ts';
import { orderOf, REQUEST, type Row, runId, writeRows, writtenRows } from './support/compact-table.ts';
import { testEngine } from './support/engine.ts';

const SEEDS = Number(process.env.HAKIRI_FUZZ_COUNT ?? 6);
const FIRST_SEED = Number(process.env.HAKIRI_FUZZ_SEED ?? 1);

const engine = testEngine();
const root = mkdtempSync(join(tmpdir(), 'hakiri-compact-model-'));
after(async () => {
  await engine.close();
  rmSync(root, { recursive: true, force: true });
});

/** Numbers from 0 to 1 (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const column = (name: string, kind: string): Column => ({ name, type: { kind } as LogicalType });
const COLUMNS = [column('id', 'int64'), column('k', 'string'), column('p', 'string'), column('v', 'string')];
const NARROW = [column('id', 'int16'), column('k', 'string'), column('p', 'string')];
const VALUES: JsonValue[] = ['a', 'b', 'c', '', '/', '_null', 'é'.repeat(70), "'", null, 'A', '%', 'z'];

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
  it(`snapshot after snapshot agrees with a plain merge (seed ${seed})`, async () => {
    const random = seeded(seed);
    const pick = (n: number): number => Math.floor(random() * n);
    const partitioned = pick(4);
    const keys = [['id'], ['id', 'k'], ['p', 'id'], []][pick(4)] ?? [];
    const partitioning: CompactPartitioning | null =
      partitioned === 0
        ? null
        : { kind: 'by', column: 'p', minRows: 1 + pick(6), maxPartitions: 2 + pick(12) };
    const targetPartRows = 1 + pick(40);
    const all = new Map<string, Row>();
    const base = new Map<string, readonly CompactBasePart[]>();
    let rowsOf = new Map<string, readonly Row[]>();
    let run = 0;
    for (let step = 0; step < 4; step++) {
      const newer: CompactPart[] = [];
      for (let parts = 1 + pick(3); parts > 0; parts--) {
        run++;
        const rows = Array.from({ length: 1 + pick(40) }, (_, seq): Row => {
          const order = orderOf(pick(30), run, seq);
          const values = {
            id: pick(60) - 5,
            k: 'xyz'[pick(3)] ?? '',
            p: VALUES[pick(step === 0 ? VALUES.length : 5)] ?? null,
            v: random() < 0.3 ? null : `v${pick(1000)}`,
          };
          return { values, run: runId(run), seq, deleted: random() < 0.15, order };
        });
        const narrow = random() < 0.3;
        newer.push(
          await writeRows(engine, join(root, `${seed}-${run}.parquet`), narrow ? NARROW : COLUMNS, rows),
        );
        for (const row of rows) {
          const held = narrow ? { ...row, values: { ...row.values, v: null } } : row;
          const key = keys.length > 0 ? JSON.stringify(keys.map((name) => held.values[name])) : held.order;
          const known = all.get(key);
          if (!known || known.order < held.order) all.set(key, held);
        }
      }
      const output = join(root, `${seed}-snapshot-${step}`);
      const request: CompactRequest = {
        ...REQUEST,
        base: [...base.values()].flat(),
        newer,
        schema: { columns: COLUMNS },
        primaryKey: keys,
        partitioning,
        output,
        targetPartRows,
      };
      const result = await engine.compact(request);
      const written = await writtenRows(
        engine,
        output,
        result,
        'id, k, p, v, _hakiri_order, _hakiri_deleted',
      );
      const unchanged = new Set(result.unchanged);
      for (const label of base.keys()) if (!unchanged.has(label)) base.delete(label);
      rowsOf = new Map([...rowsOf].filter(([label]) => unchanged.has(label)));
      for (const { partition, parts, columns, rows, tombstones } of result.partitions) {
        const found = (written[partition] ?? []).map(fromWritten);
        assert.equal(rows, found.length);
        assert.equal(tombstones, found.filter(({ deleted }) => deleted).length);
        assert.ok(parts.every((part) => part.rows <= targetPartRows));
        if (keys.length > 0) assertSorted(found, keys);
        rowsOf.set(partition, found);
        base.set(
          partition,
          parts.map(({ file, rows: count }) => ({
            path: join(output, file),
            columns: { columns: COLUMNS },
            rows: count,
            partition,
            keyBounds: Object.fromEntries(keys.flatMap((key) => (columns[key] ? [[key, columns[key]]] : []))),
          })),
        );
      }
      assert.deepEqual(
        [...rowsOf.values()].flat().map(asText).sort(),
        [...all.values()].map(asText).sort(),
        `step ${step}`,
      );
      for (const [label, rows] of rowsOf) assertBelongs(label, rows, partitioning, [...rowsOf.keys()]);
    }
  });
}

const fromWritten = ([id, k, p, v, order, deleted]: readonly JsonValue[]): Row => ({
  values: { id: id ?? null, k: k ?? null, p: p ?? null, v: v ?? null },
  run: runId(0),
  seq: 0,
  order: String(order),
  deleted: deleted === true,
});

const asText = ({ values, order, deleted }: Row): string =>
  JSON.stringify([values.id, values.k, values.p, values.v, order, deleted]);

function assertSorted(rows: readonly Row[], keys: readonly string[]): void {
  const compare = (a: JsonValue, b: JsonValue): number => {
    if (a === b) return 0;
    if (a === null || b === null) return a === null ? 1 : -1;
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
  };
  for (let i = 1; i < rows.length; i++) {
    const before = rows[i - 1];
    const differs = keys.map((key) => compare(before?.values[key] ?? null, rows[i]?.values[key] ?? null));
    assert.ok((differs.find((d) => d !== 0) ?? 1) < 0, 'sorted by key, one row a key');
  }
}

function assertBelongs(
  label: string,
  rows: readonly Row[],
  partitioning: CompactPartitioning | null,
  labels: readonly string[],
): void {
  if (partitioning === null) {
    assert.equal(label, '');
    return;
  }
  for (const { values } of rows) {
    const own = `p=${values.p === '_null' ? '%5Fnull' : values.p === null ? '_null' : encodeURIComponent(String(values.p)).replaceAll("'", '%27')}`;
    if (label === '_mixed') assert.ok(!labels.includes(own), `${own} has a partition of its own`);
    else assert.equal(label, own);
  }
}
