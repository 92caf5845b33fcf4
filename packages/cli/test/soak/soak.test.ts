import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Clock, Source } from '@hakiri/core';
import { collectStore, compactStore } from '@hakiri/store';
import { type Random, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { testEngine } from '../../../engine/test/support/engine.ts';
import { systemClock } from '../../src/system-clock.ts';
import { assertFlat, thinned, treeMb } from '../support/flat.ts';
import { queryStore, type RunOptions, runInProcess, storeOptions } from '../support/run-in-process.ts';

const MINUTES = Number(process.env.HAKIRI_SOAK_MINUTES ?? 1 / 12);
const HOUR_MS = 3_600_000;
const KEYS = 3000;
const ROWS_A_TURN = 300;

const LOCK = { command: 'soak', waitMs: 0 };
const root = join(mkdtempSync(join(tmpdir(), 'hakiri-soak-')), '.hakiri');
const engine = testEngine();
after(async () => {
  await engine.close();
  rmSync(join(root, '..'), { recursive: true, force: true });
});

interface Sample {
  readonly turn: number;
  readonly files: number;
  readonly pssMb: number;
}

/** What the table should hold: version by key. */
type Model = Map<number, number>;

/** Rows of a turn, deletes among them, as a source that has just these. */
function sourceOf(turn: number, random: Random, model: Model): Source {
  const rows = random.many(ROWS_A_TURN, () => {
    const id = random.below(KEYS);
    if (random.chance(0.1)) {
      model.delete(id);
      return { id, version: turn, _hakiri_deleted: true };
    }
    model.set(id, turn);
    return { id, version: turn, region: `r${id % 5}`, text: `row ${id} of turn ${turn} `.repeat(5) };
  });
  return {
    discover: async () => [
      {
        name: 'rows',
        primaryKey: ['id'],
        incremental: 'version',
        cursorKind: 'monotonic',
        readingOrder: 'ascending',
      },
    ],
    schema: async () => undefined,
    async *pull() {
      const records = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      yield { kind: 'records', records, cursor: String(turn), complete: true };
    },
    commitCursor: async () => {},
    estimate: async () => ({}),
    close: async () => {},
  };
}

test('a store that is written, read, compacted and collected for long keeps its size in memory and on the disk', async (t) => {
  const random = seededRandom(TEST_SEED);
  const model: Model = new Map();
  const samples: Sample[] = [];
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const clock: Clock = { ...systemClock, nowMs: () => nowMs };
  const options: Omit<RunOptions, 'source'> = {
    root,
    engine,
    clock,
    settings: () => ({
      partitioning: { kind: 'by', column: 'region' },
      retentionMs: 4 * HOUR_MS,
      tombstoneRetentionMs: 8 * HOUR_MS,
    }),
  };
  const started = performance.now();
  let turn = 0;
  for (; performance.now() - started < MINUTES * 60_000; turn++) {
    nowMs += HOUR_MS;
    const report = await runInProcess({ ...options, source: sourceOf(turn, random, model) });
    assert.equal(report.tables[0]?.error, undefined);
    if (turn % 2 === 1) await compactStore(storeOptions(options), LOCK, {});
    if (turn % 4 === 3) await collectStore(storeOptions(options), LOCK, {});
    const [found] = await queryStore(options, 'SELECT count(*) AS n, sum(version) AS s FROM rows');
    const sum = [...model.values()].reduce((total, version) => total + version, 0);
    assert.deepEqual(
      [Number(found?.n), Number(found?.s ?? 0)],
      [model.size, sum],
      `seed ${TEST_SEED}, turn ${turn}`,
    );
    // At the same place of the round each time.
    if (turn % 4 === 3) samples.push({ turn, files: countFiles(root), pssMb: treeMb(process.pid) });
  }
  t.diagnostic(`seed ${TEST_SEED}, ${turn} turns of an hour in ${MINUTES.toFixed(1)} minutes`);
  for (const sample of thinned(samples)) {
    t.diagnostic(`turn ${sample.turn}: ${sample.files} files, ${sample.pssMb.toFixed(0)} MB`);
  }
  assertFlat(
    'files',
    samples.map(({ files }) => files),
    { share: 0.05, least: 12 },
  );
  // A process that has just started has not met its largest garbage yet.
  if (MINUTES >= 5) {
    assertFlat(
      'MB of memory',
      samples.map((sample) => sample.pssMb),
      { share: 0.1, least: 30 },
    );
  }
});

function countFiles(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .length;
}
