import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyRow, rowSetOf } from '../../src/sets/row-set.ts';
import { scanVectors, type TieOrder, toLengthOne } from '../../src/vector/index.ts';
import { createTiles } from '../../src/vector/tiles.ts';
import { byPlace, cosine, kindOf, nearest, random, randomVector, segmentOf } from './support/vectors.ts';

const SHAPES = [
  { dims: 1, rows: 40 },
  { dims: 7, rows: 3000 },
  { dims: 16, rows: 5000 },
  { dims: 100, rows: 1500 },
  { dims: 128, rows: 1200 },
  { dims: 384, rows: 700 },
  { dims: 1025, rows: 200 },
  { dims: 5000, rows: 30 },
];

for (const scan of ['int8', 'float'] as const) {
  for (const { dims, rows } of SHAPES) {
    test(`a ${scan} scan of ${rows} x ${dims} finds what the definition of the cosine says`, () => {
      const next = random(dims);
      const vectors = Array.from({ length: rows }, () =>
        next() < 0.1 ? undefined : randomVector(next, dims),
      );
      const segment = segmentOf(kindOf(dims, scan), vectors);
      const query = randomVector(next, dims);
      for (const share of [1, 0.9, 0.5, 0.05]) {
        const isAllowed = vectors.map(() => next() < share);
        const set = rowSetOf(
          rows,
          isAllowed.keys().filter((ordinal) => isAllowed[ordinal]!),
        );
        const { rows: found } = scanVectors(
          toLengthOne(query)!,
          [{ unit: 0, segment, rows: set }],
          10,
          byPlace,
        );
        const expected = nearest(query, vectors, 10, (ordinal) => isAllowed[ordinal]!);
        assert.equal(found.length, expected.length);
        found.forEach(({ ordinal, score }, i) => {
          // Of one dimension all scores are alike, and any order of them is right.
          if (dims > 1) assert.equal(ordinal, expected[i], `share ${share}, hit ${i}`);
          assert.ok(Math.abs(score - cosine(query, vectors[ordinal]!)) < 1e-6);
        });
      }
    });
  }
}

test('rows of several units come in one order, and a unit without wanted rows is not read', () => {
  const next = random(3);
  const kind = kindOf(32);
  const parts = [400, 1, 0, 900].map((rows) => Array.from({ length: rows }, () => randomVector(next, 32)));
  const units = parts.map((vectors, unit) => ({
    unit,
    segment: segmentOf(kind, vectors),
    rows: everyRow(vectors.length),
  }));
  const query = randomVector(next, 32);
  const { rows: found, scanned } = scanVectors(toLengthOne(query)!, units, 25, byPlace);
  const expected = nearest(query, parts.flat(), 25);
  const bases = [0, 400, 401, 401];
  assert.deepEqual(
    found.map(({ unit, ordinal }) => bases[unit]! + ordinal),
    expected,
  );
  assert.equal(scanned, 1301);
});

test('rows of the same score come in the order of ties, however many there are', () => {
  const kind = kindOf(24);
  const same = randomVector(random(5), 24);
  const segment = segmentOf(
    kind,
    Array.from({ length: 4000 }, () => same),
  );
  const backwards: TieOrder = (_unitA, ordinalA, _unitB, ordinalB) => ordinalB - ordinalA;
  const { rows } = scanVectors(
    toLengthOne(same)!,
    [{ unit: 0, segment, rows: everyRow(4000) }],
    5,
    backwards,
  );
  assert.deepEqual(
    rows.map(({ ordinal }) => ordinal),
    [3999, 3998, 3997, 3996, 3995],
  );
});

test('segments larger than the memory for tiles are scanned all the same, and give it back', () => {
  const next = random(11);
  const tiles = createTiles(3 * 65_536);
  const vectors = Array.from({ length: 3000 }, () => randomVector(next, 100));
  const segments = [vectors.slice(0, 1700), vectors.slice(1700)].map((part) =>
    segmentOf(kindOf(100), part, tiles),
  );
  const query = randomVector(next, 100);
  const expected = nearest(query, vectors, 10);
  for (const share of [1, 0.3]) {
    const units = segments.map((segment, unit) => ({
      unit,
      segment,
      rows: rowSetOf(
        segment.rows,
        Array.from({ length: segment.rows }, (_, i) => i).filter((i) => {
          const row = unit * 1700 + i;
          return share === 1 || expected.includes(row) || next() < share;
        }),
      ),
    }));
    for (let again = 0; again < 3; again++) {
      const { rows } = scanVectors(toLengthOne(query)!, units, 10, byPlace, tiles);
      assert.deepEqual(
        rows.map(({ unit, ordinal }) => unit * 1700 + ordinal),
        expected,
      );
    }
  }
  for (const segment of segments) segment.release();
  let lost = 0;
  const loaded = [1, 2, 3].map(() =>
    tiles.load(
      () => {},
      () => lost++,
    ),
  );
  assert.equal(lost, 0);
  for (const address of loaded) tiles.release(address);
  const { rows } = scanVectors(
    toLengthOne(query)!,
    [{ unit: 0, segment: segments[0]!, rows: everyRow(1700) }],
    1,
    byPlace,
    tiles,
  );
  assert.deepEqual(rows[0]?.ordinal, nearest(query, vectors.slice(0, 1700), 1)[0]);
});
