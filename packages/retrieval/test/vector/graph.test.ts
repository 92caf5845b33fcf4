import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RunId } from '@hakiri/core';
import { everyRow, hasRow, rowSetOf } from '../../src/sets/row-set.ts';
import { buildGraph, type Graph, openGraph, toLengthOne } from '../../src/vector/index.ts';
import {
  clusteredVectors,
  identitiesOf,
  kindOf,
  nearest,
  RUNS,
  random,
  segmentOf,
} from './support/vectors.ts';

const DIMS = 32;
const KIND = kindOf(DIMS);
const ROWS = 3000;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-graph-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'graphs', 'one');
}

/** Rows of two runs, the second of which numbers them from a thousand. */
const rowOf = (i: number): readonly [RunId, number] => [RUNS[i % 2]!, (i % 2) * 1000 + (i >> 1)];

async function graphOf(folder: string, kind = KIND): Promise<Graph> {
  const graph = await openGraph(folder, kind);
  assert.ok(typeof graph === 'object', String(graph));
  return graph;
}

async function build(folder: string, rows = everyRow(ROWS)) {
  const vectors = clusteredVectors(random(1), ROWS, DIMS, 20);
  const identities = identitiesOf(vectors.map((_, i) => rowOf(i)));
  const built = await buildGraph(folder, KIND, [{ segment: segmentOf(KIND, vectors), identities, rows }], 2);
  assert.equal(built?.vectors, rows.count);
  return { vectors, identities };
}

test('a graph tells the nearest rows by run and sequence', async (t) => {
  const folder = folderOf(t);
  const { vectors } = await build(folder);
  const graph = await graphOf(folder);
  let found = 0;
  for (let i = 0; i < 50; i++) {
    const query = vectors[i * 7]!;
    const expected = nearest(query, vectors, 10).map((row) => rowOf(row).join());
    const hits = graph.nearest(toLengthOne(query)!, 10).map(({ run, seq }) => [run, seq].join());
    found += expected.filter((row) => hits.includes(row)).length;
  }
  assert.ok(found / 500 >= 0.99, `recall ${found / 500}`);
});

test('it says which rows of a part it holds, however they lie by now', async (t) => {
  const folder = folderOf(t);
  const taken = rowSetOf(
    ROWS,
    Array.from({ length: ROWS / 3 }, (_, i) => i * 3),
  );
  const { identities } = await build(folder, taken);
  const graph = await graphOf(folder);
  assert.deepEqual(graph.holds(identities).words, taken.words);
  const merged = identitiesOf([
    ['01JZZZZZZZHJKMNPQRSTVWXYZ0' as RunId, 0],
    ...Array.from({ length: 500 }, (_, i) => rowOf(499 - i)),
    [RUNS[0]!, 1_000_000],
  ]);
  const held = graph.holds(merged);
  for (let i = 0; i < 502; i++) {
    const row = i === 0 || i === 501 ? undefined : 500 - i;
    assert.equal(hasRow(held, i), row !== undefined && hasRow(taken, row), `row ${i}`);
  }
});

test('a newer graph takes the place of the old one, which serves until then and leaves nothing', async (t) => {
  const folder = folderOf(t);
  assert.equal(await openGraph(folder, KIND), 'no graph yet');
  await build(folder, rowSetOf(ROWS, [1, 2, 3]));
  const old = await graphOf(folder);
  assert.equal(await graphOf(folder), old);
  await build(folder);
  assert.equal((await graphOf(folder)).vectors, ROWS);
  assert.equal(old.nearest(new Float32Array(DIMS).fill(1), 10).length, 3);
  assert.equal(readdirSync(folder).length, 2);
});

test('a graph that is damaged, cut or of other vectors is not asked', async (t) => {
  const folder = folderOf(t);
  await build(folder);
  assert.equal(await openGraph(folder, kindOf(DIMS + 1)), 'the graph is damaged or old');
  const description = join(folder, 'graph.json');
  const whole = readFileSync(description, 'utf8');
  const file = join(folder, readdirSync(folder).find((name) => name.endsWith('.usearch'))!);
  const bytes = readFileSync(file);

  const state = async () => {
    // As another process would find it.
    writeFileSync(description, `${readFileSync(description, 'utf8')} `);
    const graph = await openGraph(folder, KIND);
    return typeof graph === 'object' ? 'ready' : graph;
  };
  assert.equal(await state(), 'ready');
  const changed = Buffer.from(bytes);
  changed[bytes.length >> 1]! ^= 1;
  writeFileSync(file, changed);
  assert.equal(await state(), 'the graph is damaged or old');
  writeFileSync(file, bytes);
  truncateSync(file, bytes.length - 1);
  assert.equal(await state(), 'the graph is damaged or old');
  writeFileSync(file, bytes);
  assert.equal(await state(), 'ready');
  for (const damage of [
    whole.slice(0, 100),
    whole.replace('"vectors":3000', '"vectors":3001'),
    whole.replace(/"file":"[^"]*"/, '"file":"../../other.usearch"'),
    '{}',
    'null',
  ]) {
    writeFileSync(description, damage);
    assert.equal(await state(), 'the graph is damaged or old');
  }
  rmSync(description);
  assert.equal(await openGraph(folder, KIND), 'no graph yet');
});

test('rows without a vector are not in the graph', async (t) => {
  const folder = folderOf(t);
  const vectors = clusteredVectors(random(2), 200, DIMS, 5).map((vector, i) =>
    i % 4 === 0 ? undefined : vector,
  );
  const identities = identitiesOf(vectors.map((_, i) => rowOf(i)));
  await buildGraph(folder, KIND, [{ segment: segmentOf(KIND, vectors), identities, rows: everyRow(200) }], 1);
  const graph = await graphOf(folder);
  assert.equal(graph.vectors, 150);
  const query = vectors[1]!;
  const hits = graph.nearest(toLengthOne(query)!, 1000).map(({ run, seq }) => [run, seq].join());
  const expected = nearest(query, vectors, 150).map((row) => rowOf(row).join());
  assert.ok(expected.filter((row) => hits.includes(row)).length >= 149);
});
