import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuse } from '../../src/search/fuse.ts';

const fused = (lists: readonly (readonly number[])[], k = 10) =>
  fuse(
    lists.map((rows) => ({ rows, weight: 1 })),
    k,
    (row) => row,
    (a, b) => a - b,
  );

test('a row scores the sum of 1 / (60 + rank) over the lists that have it', () => {
  const [first, second, third] = fused([
    [1, 2],
    [2, 3],
  ]);
  assert.deepEqual(first, { row: 2, score: 1 / 62 + 1 / 61, ranks: [2, 1] });
  assert.deepEqual(second, { row: 1, score: 1 / 61, ranks: [1, undefined] });
  assert.deepEqual(third, { row: 3, score: 1 / 62, ranks: [undefined, 2] });
});

test('rows of the same score come in the order of ties', () => {
  const rows = fused([
    [9, 7, 5],
    [4, 6, 8],
  ]).map(({ row }) => row);
  assert.deepEqual(rows, [4, 9, 6, 7, 5, 8]);
});

test('no more than k come out, and nothing out of nothing', () => {
  assert.equal(fused([[1, 2, 3]], 2).length, 2);
  assert.deepEqual(fused([[], []]), []);
});

test('a place in a list counts by its weight', () => {
  const lists = [
    { rows: [1, 2], weight: 1 },
    { rows: [3, 2], weight: 0.5 },
  ];
  const rows = fuse(
    lists,
    3,
    (row) => row,
    (a, b) => a - b,
  );
  assert.deepEqual(
    rows.map(({ row, score }) => [row, score]),
    [
      [2, 1 / 62 + 0.5 / 62],
      [1, 1 / 61],
      [3, 0.5 / 61],
    ],
  );
});
