import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createEngine } from '../src/index.ts';
import { spawnEngineChild, testEngine } from './support/engine.ts';

const LONG = { timeoutMs: 20_000 };

test("the reader's child lives on between requests, and keeps what it has", async (t) => {
  const engine = testEngine();
  t.after(() => engine.close());
  const count = () => engine.read<number>('count', { waitMs: 0 }, LONG);
  assert.deepEqual([await count(), await count(), await count()], [1, 2, 3]);
  assert.equal(engine.pids().length, 1);
});

test('a request past its deadline ends the child and no other request', async (t) => {
  const engine = testEngine();
  t.after(() => engine.close());
  assert.equal(await engine.read('count', { waitMs: 0 }, LONG), 1);
  const started = performance.now();
  const [late, queued, behind] = await Promise.allSettled([
    engine.read('spin', {}, { timeoutMs: 300 }),
    engine.read('count', { waitMs: 0 }, LONG),
    engine.read('count', { waitMs: 0 }, LONG),
  ]);
  assert.equal(late.status === 'rejected' && late.reason.code, 'query.timeout');
  assert.deepEqual(
    [queued, behind].map((outcome) => outcome.status === 'fulfilled' && outcome.value),
    [1, 2],
    'a fresh child went on',
  );
  assert.ok(performance.now() - started < 3000);
});

test('what waits in the queue can end by itself, and disturbs nothing', async (t) => {
  const engine = testEngine();
  t.after(() => engine.close());
  const stop = new AbortController();
  const outcomes = Promise.allSettled([
    engine.read('count', { waitMs: 500 }, LONG),
    engine.read('count', { waitMs: 0 }, { timeoutMs: 100 }),
    engine.read('count', { waitMs: 0 }, { timeoutMs: 20_000, signal: stop.signal }),
    engine.read('count', { waitMs: 0 }, LONG),
  ]);
  stop.abort();
  const seen = (await outcomes).map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value : outcome.reason.code,
  );
  assert.deepEqual(seen, [1, 'query.timeout', 'interrupted', 2]);
});

test('an aborted request ends the work at once', async (t) => {
  const engine = testEngine();
  t.after(() => engine.close());
  const stop = new AbortController();
  const spin = engine.read('spin', {}, { timeoutMs: undefined, signal: stop.signal });
  setTimeout(() => stop.abort(), 300);
  await assert.rejects(spin, { code: 'interrupted' });
  assert.equal(await engine.read('count', { waitMs: 0 }, LONG), 1);
});

test('the reader is replaced past its own memory cap', async (t) => {
  const engine = createEngine({ spawn: spawnEngineChild, recycleReaderAtBytes: 1 });
  t.after(() => engine.close());
  const count = () => engine.read<number>('count', { waitMs: 0 }, LONG);
  assert.deepEqual([await count(), await count()], [1, 1]);
});

test('children with nothing to do are stopped, and start again when asked', async (t) => {
  const engine = createEngine({ spawn: spawnEngineChild, idleMs: 200, spareSqlChild: true });
  t.after(() => engine.close());
  const query = { sql: 'SELECT 1', views: [], allowedPaths: [], maxRows: 10, maxBytes: 1000 };
  await engine.read('count', { waitMs: 0 }, LONG);
  await engine.select('SELECT 1');
  await engine.job('count', { waitMs: 0 });
  await engine.query(query, LONG);
  assert.ok(engine.pids().length >= 2);
  for (let tries = 0; engine.pids().length > 0 && tries < 50; tries++) await wait(100);
  assert.deepEqual(engine.pids(), []);
  assert.deepEqual((await engine.query(query, LONG)).rows, [[1]]);
  assert.equal(
    await engine.read('count', { waitMs: 300 }, LONG),
    1,
    'work longer than the idle time is work',
  );
});
