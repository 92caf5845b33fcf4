import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type JsonValue, type RunId, runTimeValue } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { openRowSidecars, sidecarPath } from '../src/rows/index.ts';
import { testEngine } from './support/engine.ts';
import { rowsTable, runAt, type TestRow } from './support/rows-table.ts';
import { emptyRoot } from './support/test-store.ts';

const SEEDS = Number(process.env.HAKIRI_FUZZ_COUNT ?? 2);
const FIRST_SEED = Number(process.env.HAKIRI_FUZZ_SEED ?? 1);
const STEPS = 40;
const DAY = 86_400_000;
const T0 = Date.parse('2026-01-01T00:00:00Z');

let engine: Engine;
const jobs = new Map<string, number>();
before(() => {
  const real = testEngine();
  engine = {
    ...real,
    job: (job, request) => {
      const { kind } = (request as { readonly work: { readonly kind: string } }).work;
      jobs.set(kind, (jobs.get(kind) ?? 0) + 1);
      return real.job(job, request);
    },
    // What the sidecar cannot answer would be answered by the view, and nothing would be tested.
    query: () => assert.fail('the view was asked'),
  };
});
after(() => engine.close());

function generator(seed: number) {
  let state = seed * 7919;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return { below: (n: number) => Math.floor(next() * n), chance: (p: number) => next() < p };
}

/** The greatest order a key has had, tombstones included. */
interface Winner {
  readonly order: string;
  readonly name: JsonValue;
  readonly deleted: boolean;
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
  for (const key of ['int64', 'string'] as const) {
    test(`random commits, late rows, deletes, crashes and damage leave it like the model (${key}, seed ${seed})`, async (t) => {
      const random = generator(seed * 2 + (key === 'string' ? 1 : 0));
      const table = rowsTable(emptyRoot(t), engine, { id: key, name: 'string', n: 'int64' }, ['id']);
      const path = sidecarPath(table.paths.cache, 'test', table.name);
      const model = new Map<number, Winner>();
      let now = T0;
      let delta: { run: RunId; seq: number } | undefined;
      let sidecars = openRowSidecars({ ...table, engine });

      const rowsOf = (run: RunId, count: number, firstSeq: number, range: number): TestRow[] => {
        const ids = new Set(Array.from({ length: count }, () => random.below(range)));
        return [...ids].map((id, i) => {
          const deleted = random.chance(0.2);
          const value = random.chance(0.6) ? runTimeValue(run) : `2${4e18 + (T0 - random.below(DAY)) * 1000}`;
          const name = deleted ? null : `v${firstSeq + i} of ${run}`;
          const order = `${value} ${run} ${String(firstSeq + i).padStart(9, '0')}`;
          const known = model.get(id);
          if (known === undefined || order > known.order) model.set(id, { order, name, deleted });
          const values = { id: key === 'string' ? `k${id}` : id, name, n: deleted ? null : id * 2 ** 45 };
          return { values, deleted, order: value };
        });
      };
      const closed = async (harm: () => void) => {
        await sidecars.close();
        if (existsSync(path)) harm();
        sidecars = openRowSidecars({ ...table, engine });
      };

      for (let step = 0; step < STEPS; step++) {
        now += random.below(10_000) + 1;
        const action = random.below(12);
        if (action < 4) {
          // Some runs come from a machine that was offline; ids stay unique.
          const run = runAt(random.chance(0.3) ? now - DAY * (1 + step) : now);
          if (delta !== undefined) await table.fold();
          delta = undefined;
          await table.commit(run, rowsOf(run, random.chance(0.2) ? 700 : 15, 0, 400));
          if (random.chance(0.6)) await sidecars.afterCommit(table.table);
        } else if (action < 8) {
          delta ??= { run: runAt(now), seq: 0 };
          const rows = rowsOf(delta.run, 1 + random.below(3), delta.seq, 400);
          const file = table.write(delta.run, rows, delta.seq);
          delta = { ...delta, seq: delta.seq + rows.length };
          if (random.chance(0.6)) sidecars.afterSmallWrite(table.table);
          if (random.chance(0.1)) {
            // A crash tore the next line; the next writer cuts it off.
            const whole = readFileSync(file).length;
            appendFileSync(file, '{"at":"2026-01-01T00:00:00Z","ro');
            await sidecars.get(table.name, [[1]]);
            truncateSync(file, whole);
          }
        } else if (action === 8 && delta !== undefined) {
          await table.fold();
          delta = undefined;
        } else if (action === 9 && table.table.newer.length > 0) {
          await table.compact(1 + random.below(table.table.newer.length), T0 - 400 * DAY);
        } else if (action === 10) {
          await closed(() => {
            const harm = random.below(4);
            if (harm === 0) truncateSync(path, random.below(60_000));
            else if (harm === 1) rmSync(path);
            else if (harm === 2) writeFileSync(path, Buffer.alloc(50_000, 7));
          });
        } else if (action === 11) await sidecars.drop(table.name);

        const ids = step % 10 === 9 ? Array.from({ length: 400 }, (_, i) => i) : [1, 2, 3, random.below(400)];
        if (table.table.newer.length + table.table.deltas.length === 0 && table.table.snapshot === undefined)
          continue;
        const found = await sidecars.get(
          table.name,
          ids.map((id) => [key === 'string' ? `k${id}` : id]),
        );
        const expected = ids.map((id) => {
          const winner = model.get(id);
          return winner === undefined || winner.deleted ? undefined : winner.name;
        });
        assert.deepEqual(
          found.map((row) => row?.values.name),
          expected,
          `seed ${seed}, step ${step}`,
        );
      }
      const alive = [...model.values()].filter(({ deleted }) => !deleted).length;
      assert.equal((await table.rows()).length, alive, 'the model agrees with the view');
      await sidecars.close();
    });
  }
}

test('most steps were merges, not a sidecar made anew', () => {
  assert.ok((jobs.get('merge') ?? 0) > (jobs.get('build') ?? 0), JSON.stringify([...jobs]));
});
