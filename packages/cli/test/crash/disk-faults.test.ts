import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Engine } from '@hakiri/engine';
import { seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { testEngine } from '../../../engine/test/support/engine.ts';
import { FAULTS, type Fault, type FaultFiles, faultFiles } from '../../../store/test/support/fault-files.ts';
import { rowsSource } from '../support/rows-source.ts';
import { queryStore, runInProcess } from '../support/run-in-process.ts';

/** Every operation in the long suite; otherwise as many as fit in the time. */
const BUDGET_MS = process.env.HAKIRI_CRASH_COUNT === undefined ? 3_000 : Number.POSITIVE_INFINITY;

const folder = await mkdtemp(join(tmpdir(), 'hakiri-faults-'));
const engine: Engine = testEngine();
after(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** Key k changes several times: row i holds key i % 7 and version i. A record that cannot be taken is among them. */
const ROWS = Array.from({ length: 40 }, (_, i) =>
  i === 11 ? { id: null, version: i } : { id: i % 7, version: i, text: `row ${i}` },
);
const source = () =>
  rowsSource({
    rows: ROWS,
    batchRows: 10,
    readingOrder: 'ascending',
    primaryKey: ['id'],
    incremental: 'version',
  });
const table = { commitEveryRows: 15 };

/** What the table holds once the first n rows were taken. */
function expected(n: number): string {
  const newest = new Map<number, unknown>();
  for (const row of ROWS.slice(0, n)) if (row.id !== null) newest.set(row.id, row);
  return JSON.stringify([...newest].sort(([a], [b]) => a - b).map(([, row]) => row));
}

const held = async (root: string): Promise<string> => {
  try {
    return JSON.stringify(
      await queryStore({ root, engine }, 'SELECT id, version, text FROM rows ORDER BY id'),
    );
  } catch (error) {
    const { code } = error as { code: string };
    if (code === 'store.not_found' || code === 'query.unknown_table') return '[]';
    throw error;
  }
};

async function strike(
  name: string,
  fault: Fault,
  at: number,
  seed: number,
  firstRows: number,
): Promise<FaultFiles> {
  const root = join(folder, name, '.hakiri');
  const random = seededRandom(seed).next;
  // Some rows are there before the disk fails: what was committed earlier must stay, too.
  if (firstRows > 0) {
    const first = rowsSource({
      rows: ROWS.slice(0, firstRows),
      batchRows: 10,
      readingOrder: 'ascending',
      primaryKey: ['id'],
      incremental: 'version',
    });
    await runInProcess({ root, engine, source: first, table });
  }
  const files = faultFiles({ root: join(folder, name), fault, at, random });
  await runInProcess({ root, engine, source: source(), files, table }).catch(() => {});
  const states = [firstRows, 0, 10, 20, 30, 40].map(expected);
  const after = await held(root);
  assert.ok(states.includes(after), `the store holds neither an old nor a new state: ${after}`);
  assert.ok(
    states.indexOf(after) === 0 || after.length >= expected(firstRows).length,
    'committed rows are gone',
  );
  const report = await runInProcess({ root, engine, source: source(), table });
  assert.equal(report.tables[0]?.error, undefined);
  assert.equal(await held(root), expected(40), 'the next run does not complete');
  await rm(join(folder, name), { recursive: true, force: true });
  return files;
}

test('a fault at any file operation of a run leaves the old state or the new one, and the next run completes', async () => {
  const seed = TEST_SEED;
  const started = performance.now();
  const cases: [Fault, number, number][] = [];
  for (const firstRows of [0, 20]) {
    const { operations } = await strike(
      `count-${firstRows}`,
      'eio',
      Number.POSITIVE_INFINITY,
      seed,
      firstRows,
    );
    for (const fault of FAULTS) for (let at = 1; at <= operations; at++) cases.push([fault, at, firstRows]);
  }
  const order = seededRandom(seed).next;
  const shuffled = cases.map((item) => ({ item, key: order() })).sort((a, b) => a.key - b.key);
  let done = 0;
  for (const { item } of shuffled) {
    if (performance.now() - started > BUDGET_MS) break;
    const [fault, at, firstRows] = item;
    try {
      const files = await strike(`${fault}-${at}-${firstRows}`, fault, at, seed + at, firstRows);
      assert.ok(files.struck);
    } catch (cause) {
      throw new Error(`HAKIRI_SEED=${seed}: ${fault} at operation ${at}, ${firstRows} rows before`, {
        cause,
      });
    }
    done++;
  }
  console.log(`disk faults: ${done} of ${cases.length} cases, seed ${seed}`);
});
