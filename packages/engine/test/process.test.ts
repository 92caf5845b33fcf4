import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createEngine } from '../src/index.ts';
import { spawnEngineChild, testEngine } from './support/engine.ts';

const SLOW =
  'SELECT count(*) FROM range(1e12::BIGINT) a, range(1e6::BIGINT) b WHERE a.range % 7 = b.range % 5';
const slowQuery = { sql: SLOW, views: [], allowedPaths: [], maxRows: 10, maxBytes: 1000 };

test('a child that ends before it answers fails the request instead of leaving it open', async () => {
  const engine = createEngine({
    spawn: () => spawn(process.execPath, ['-e', '0'], { stdio: ['pipe', 'pipe', 'inherit'] }),
  });
  await assert.rejects(engine.countRows('/nowhere'), { code: 'engine.crashed' });
  await engine.close();
});

test('after a child was killed from outside the next request gets a new one', async () => {
  const engine = testEngine();
  await assert.rejects(engine.countRows('/nowhere'), { code: 'store.io' });
  const [pid] = engine.pids();
  process.kill(pid ?? 0, 'SIGKILL');
  await wait(100);
  await assert.rejects(engine.countRows('/nowhere'), { code: 'store.io' });
  assert.notEqual(engine.pids()[0], pid);
  await engine.close();
});

test('children end with their parent, also while the engine is busy', async () => {
  const parent = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { testEngine } from ${JSON.stringify(new URL('./support/engine.ts', import.meta.url).href)};
       const engine = testEngine();
       engine.query(${JSON.stringify(slowQuery)}, { timeoutMs: 1e6 }).catch(() => {});
       engine.countRows('/nowhere').catch(() => {});
       setTimeout(() => console.log(JSON.stringify(engine.pids())), 1500);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const pids = await new Promise<number[]>((resolve) =>
    parent.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()))),
  );
  assert.equal(pids.length, 2);
  parent.kill('SIGKILL');
  for (let tries = 0; pids.some(isAlive) && tries < 50; tries++) await wait(100);
  assert.deepEqual(pids.filter(isAlive), []);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('closing an engine leaves no child', async () => {
  const engine = testEngine();
  await engine.query({ ...slowQuery, sql: 'SELECT 1' }, { timeoutMs: 10_000 });
  const pids = engine.pids();
  assert.equal(pids.length, 1);
  await engine.close();
  assert.deepEqual(pids.filter(isAlive), []);
});

test('a child that keeps too much memory is replaced', async (t) => {
  const pidsOf = async (recycleAtBytes: number): Promise<number> => {
    const engine = createEngine({ spawn: spawnEngineChild, recycleAtBytes });
    t.after(() => engine.close());
    const seen = new Set<number>();
    for (let i = 0; i < 3; i++) {
      await engine.select('SELECT 1');
      for (const pid of engine.pids()) seen.add(pid);
    }
    return seen.size;
  };
  assert.equal(await pidsOf(1), 3);
  assert.equal(await pidsOf(Number.POSITIVE_INFINITY), 1);
});
