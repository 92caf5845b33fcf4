import assert from 'node:assert/strict';
import { test } from 'node:test';
import { graphDue, planVectors, type VectorQuestion } from '../../src/search/planner.ts';

const MILLION: VectorQuestion = {
  rows: 1_000_000,
  allowed: 1_000_000,
  seesAll: true,
  filtered: false,
  dims: 128,
  k: 10,
  graph: 1_000_000,
};

const wayOf = (question: Partial<VectorQuestion>) => planVectors({ ...MILLION, ...question });

test('a grant that may not see every row is answered by a scan, whatever else holds', () => {
  assert.equal(wayOf({ seesAll: false }).kind, 'exact');
  assert.equal(wayOf({ seesAll: false, filtered: true, allowed: 900_000 }).kind, 'exact');
});

test('without a filter a table of more than 5,000 rows is answered by the graph', () => {
  assert.equal(wayOf({ rows: 5_000, allowed: 5_000, graph: 5_000 }).kind, 'exact');
  assert.equal(wayOf({ rows: 5_001, allowed: 5_001, graph: 5_001 }).kind, 'graph');
});

test('without a graph there is nothing to choose', () => {
  assert.deepEqual(wayOf({ graph: 'no graph yet' }).kind, 'exact');
  assert.equal(wayOf({ graph: 'no graph yet' }).why, 'no graph yet');
});

test('at most 20,000 allowed rows are scanned', () => {
  assert.equal(wayOf({ filtered: true, rows: 25_000, allowed: 20_000 }).kind, 'exact');
  assert.equal(wayOf({ filtered: true, rows: 25_000, allowed: 24_000 }).kind, 'graph');
});

test('a selectivity below 84 over the root of the rows is scanned', () => {
  assert.equal(wayOf({ filtered: true, allowed: 83_000 }).kind, 'exact');
  assert.equal(wayOf({ filtered: true, allowed: 85_000 }).kind, 'graph');
});

test('the graph is asked for thirty neighbours over the selectivity, for ten hits', () => {
  const way = wayOf({ filtered: true, allowed: 250_000 });
  assert.ok(way.kind === 'graph');
  assert.equal(way.neighbours, 120);
  assert.ok(Math.abs(way.estimatedMs - (0.2 + 120 * 0.0024)) < 1e-9);
});

test('a scan is estimated by rows and dimensions', () => {
  const { estimatedMs } = wayOf({ seesAll: false, allowed: 100_000 });
  assert.ok(Math.abs(estimatedMs - (0.05 + 100_000 * (18e-6 + 0.06e-6 * 128))) < 1e-9);
});

test('so many hits that the graph would take longer are scanned', () => {
  assert.equal(wayOf({ filtered: true, rows: 100_000, allowed: 30_000, k: 1000 }).kind, 'exact');
});

test('a graph is due when a fifth of the rows, or 20,000, are not in it', () => {
  assert.equal(graphDue(5_000, 0), false);
  assert.equal(graphDue(5_001, 0), true);
  assert.equal(graphDue(10_000, 8_000), false);
  assert.equal(graphDue(10_000, 7_999), true);
  assert.equal(graphDue(1_000_000, 980_000), false);
  assert.equal(graphDue(1_000_000, 979_999), true);
});
