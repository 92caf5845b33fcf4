import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { RunId } from '@hakiri/core';
import { identityOrder } from '../../src/search/hits.ts';
import { searchVectors } from '../../src/search/search-vectors.ts';
import { buildGraph, toLengthOne } from '../../src/vector/index.ts';
import { clusteredVectors, cosine, RUNS, random, recall } from '../vector/support/vectors.ts';
import { type TestRow, type VectorTable, vectorTable } from './support/opened.ts';

const DIMS = 24;
const ROWS = 24_000;
const CLUSTERS = 50;
const K = 10;
const LATER = '01JBBBBBBBHJKMNPQRSTVWXYZ0' as RunId;

const vectors = clusteredVectors(random(1), ROWS, DIMS, CLUSTERS);
const ROW: readonly TestRow[] = vectors.map((vector, i) => ({ run: RUNS[i % 2]!, seq: i >> 1, vector }));
const numberOf = new Map(ROW.map(({ run, seq }, i) => [`${run} ${seq}`, i]));
const clusterOf = ({ run, seq }: TestRow): number => (numberOf.get(`${run} ${seq}`) ?? 0) % CLUSTERS;

/** Evenly within every cluster. */
const roundOf = (row: TestRow): number => Math.floor((numberOf.get(nameOf(row)) ?? 0) / CLUSTERS);

const folder = mkdtempSync(join(tmpdir(), 'hakiri-search-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let built: VectorTable | undefined;

/** With a graph of all rows. */
async function builtTable(): Promise<VectorTable> {
  if (built) return built;
  const parts = [0, 1, 2].map((part) => ROW.filter((_, i) => i % 3 === part));
  const table = vectorTable(DIMS, folder, parts);
  await build(table);
  built = table;
  return table;
}

async function build({ opened, index, rows }: VectorTable) {
  const all = rows(() => true);
  await buildGraph(
    index.graph,
    index.spec,
    index.units.map((segment, i) => ({
      segment: segment!,
      identities: opened.units[i]!.identities!,
      rows: all.units[i]!,
    })),
    2,
  );
}

interface Asked {
  readonly alive?: (row: TestRow) => boolean;
  readonly allowed?: (row: TestRow) => boolean;
  readonly seesAll?: boolean;
}

function ask(
  table: VectorTable,
  query: Float32Array,
  { alive = () => true, allowed, seesAll = true }: Asked = {},
) {
  return searchVectors({
    opened: table.opened,
    index: table.index,
    seen: table.rows(alive),
    allowed: table.rows((row) => alive(row) && (allowed?.(row) ?? true)),
    seesAll,
    filtered: allowed !== undefined,
    query: toLengthOne(query)!,
    k: K,
    ties: identityOrder(table.opened),
  });
}

const nameOf = ({ run, seq }: TestRow): string => `${run} ${seq}`;

function expectedRows(rows: readonly TestRow[], query: Float32Array, passes: (row: TestRow) => boolean) {
  return rows
    .filter((row) => row.vector && passes(row))
    .map((row) => ({ name: nameOf(row), score: cosine(query, row.vector!) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, K)
    .map(({ name }) => name);
}

async function recallOf(table: VectorTable, rows: readonly TestRow[], asked: (cluster: number) => Asked) {
  let sum = 0;
  const ways = new Set<string>();
  const queries = 20;
  for (let i = 0; i < queries; i++) {
    const query = clusteredVectors(random(1), i + 1, DIMS, CLUSTERS)[i]!;
    const { alive = () => true, allowed = () => true } = asked(i % CLUSTERS);
    const found = await ask(table, query, asked(i % CLUSTERS));
    ways.add(found.note ?? found.way.kind);
    const names = found.rows.map(({ unit, ordinal }) => nameOf(table.rowAt(unit, ordinal)));
    const expected = expectedRows(rows, query, (row) => alive(row) && allowed(row));
    sum += recall(
      names.map((name) => expected.indexOf(name)),
      expected.map((_, rank) => rank),
    );
  }
  return { recall: sum / queries, ways: [...ways] };
}

test('without a filter the graph answers, and finds what is nearest', async () => {
  const table = await builtTable();
  const { recall: found, ways } = await recallOf(table, ROW, () => ({}));
  assert.deepEqual(ways, ['graph']);
  assert.ok(found >= 0.99, `recall ${found}`);
});

test('with a filter that lets most through, too', async () => {
  const table = await builtTable();
  const { recall: found, ways } = await recallOf(table, ROW, () => ({
    allowed: (row) => roundOf(row) % 10 !== 0,
  }));
  assert.deepEqual(ways, ['graph']);
  assert.ok(found >= 0.99, `recall ${found}`);
});

test('a filter that excludes just what is near the query is answered right', async () => {
  const table = await builtTable();
  const { recall: found, ways } = await recallOf(table, ROW, (cluster) => ({
    allowed: (row) => (clusterOf(row) + CLUSTERS - cluster) % CLUSTERS >= 12,
  }));
  assert.ok(found >= 0.99, `recall ${found}`);
  assert.ok(
    ways.some((way) => way.includes('exact')),
    ways.join(),
  );
});

test('a grant that may not see every row never asks the graph', async () => {
  const table = await builtTable();
  const { recall: found, ways } = await recallOf(table, ROW, () => ({
    seesAll: false,
    allowed: (row) => roundOf(row) % 10 !== 0,
  }));
  assert.deepEqual(ways, ['exact']);
  assert.equal(found, 1);
});

test('the graph serves on after rows were merged into other parts, and rows that came later are found', async () => {
  await builtTable();
  const later = clusteredVectors(random(77), 500, DIMS, CLUSTERS).map(
    (vector, seq): TestRow => ({ run: LATER, seq, vector }),
  );
  const merged = ROW.filter((row) => roundOf(row) % 10 !== 0).sort((a, b) => a.seq - b.seq);
  const rows = [...merged, ...later];
  const table = vectorTable(DIMS, folder, [merged.slice(0, 7000), merged.slice(7000), later]);
  const { recall: found, ways } = await recallOf(table, rows, () => ({}));
  assert.deepEqual(ways, ['graph']);
  assert.ok(found >= 0.99, `recall ${found}`);
  const { rows: nearest } = await ask(table, later[7]!.vector!);
  assert.equal(nameOf(table.rowAt(nearest[0]!.unit, nearest[0]!.ordinal)), nameOf(later[7]!));
});

test('dead rows are never among what is found, even where all that are near are dead', async () => {
  const table = await builtTable();
  for (const share of [2, 50]) {
    const { recall: found } = await recallOf(table, ROW, (cluster) => ({
      alive: (row) => clusterOf(row) !== cluster && roundOf(row) % share !== 0,
    }));
    assert.ok(found >= 0.99, `recall ${found}`);
  }
});

test('rows that have no vector do not keep the others from being found', async () => {
  const sparse = ROW.map((row, i) => (i % 1000 === 0 ? row : { ...row, vector: undefined }));
  const table = vectorTable(DIMS, join(folder, 'sparse'), [sparse]);
  await build(table);
  const { recall: found } = await recallOf(table, sparse, () => ({}));
  assert.equal(found, 1);
});
