import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { RunId } from '@hakiri/core';
import { seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { filesBelow } from '../support/cli-project.ts';
import { programEngine } from '../support/program-engine.ts';
import { rowsSource } from '../support/rows-source.ts';
import { runInProcess } from '../support/run-in-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'hakiri-same-'));
const engines = [programEngine(), programEngine()];
after(async () => {
  for (const engine of engines) await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Run ids that are counted instead of timed. */
function countedRunIds(): () => RunId {
  let n = 0;
  return () => `01JABCDEFGHJKMNPQRSTVW${String(1000 + n++)}` as RunId;
}

/** Rows of changing shape: nested, with nulls, wide numbers and text of every kind. */
function someRows(count: number, seed: number): Record<string, unknown>[] {
  const random = seededRandom(seed).next;
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  return Array.from({ length: count }, (_, i) => ({
    id: Math.floor(random() * count),
    version: i,
    name: pick(['Grüße', '', null, '\u{1f600}', 'a\nb', 'plain']),
    amount: pick([0, -1.5, 1e300, 3, null]),
    owner: pick([null, { login: 'a' }, { login: 'b', teams: ['x', null] }]),
    ...(i > count / 2 ? { late: pick([true, false]) } : {}),
  }));
}

/** Path and SHA-256 of every part. */
function partsOf(root: string): [string, string][] {
  return filesBelow(root)
    .filter((path) => path.endsWith('.parquet'))
    .map((path) => [path.slice(root.length), createHash('sha256').update(readFileSync(path)).digest('hex')]);
}

test('the same batches with the same run ids make the same part files, byte for byte', async (t) => {
  const seed = TEST_SEED;
  t.diagnostic(`seed ${seed}`);
  const rows = someRows(30_000, seed);
  const made: [string, string][][] = [];
  for (const [index, engine] of engines.entries()) {
    const root = join(folder, String(index));
    const newRunId = countedRunIds();
    for (const upTo of [20_000, 30_000]) {
      const source = rowsSource({
        rows: rows.slice(0, upTo),
        batchRows: 4000,
        readingOrder: 'ascending',
        primaryKey: ['id'],
        incremental: 'version',
      });
      const report = await runInProcess({
        root,
        engine,
        source,
        newRunId,
        table: { commitEveryRows: 8000, onConflict: 'json' },
      });
      assert.equal(report.tables[0]?.error, undefined);
    }
    made.push(partsOf(root));
  }
  assert.ok((made[0]?.length ?? 0) >= 4);
  assert.deepEqual(made[0], made[1]);
});

test('another order of the rows is another file: the comparison can fail', async () => {
  const rows = someRows(1000, 1);
  const made: [string, string][][] = [];
  for (const [name, given] of [
    ['forward', rows],
    ['backward', [...rows].reverse()],
  ] as const) {
    const root = join(folder, name);
    const source = rowsSource({
      rows: given,
      batchRows: 1000,
      readingOrder: 'unordered',
      primaryKey: ['id'],
    });
    await runInProcess({ root, engine: engines[0]!, source, newRunId: countedRunIds() });
    made.push(partsOf(root));
  }
  assert.notDeepEqual(made[0], made[1]);
});
