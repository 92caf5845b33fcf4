import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { createScheduler, type Scheduler } from '../../src/scheduler/scheduler.ts';
import type { Entry, RunOutcome } from '../../src/scheduler/timetable.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.parse('2026-11-01T10:07:00Z');

interface World {
  readonly clock: FakeClock;
  readonly scheduler: Scheduler;
  /** `id@minutes since the start` of each run. */
  readonly starts: string[];
  readonly running: Set<string>;
  mostAtOnce: number;
}

function world(
  entries: readonly Entry[],
  options: { atOnce?: number; tookMs?: (id: string) => number; outcome?: RunOutcome } = {},
): World {
  const clock = fakeClock(START);
  const { atOnce = 2, tookMs = () => 1000, outcome = 'done' } = options;
  const made: World = {
    clock,
    starts: [],
    running: new Set(),
    mostAtOnce: 0,
    scheduler: createScheduler({
      clock,
      seed: 'node',
      atOnce,
      async run(id) {
        assert.ok(!made.running.has(id), `${id} runs twice at once`);
        made.starts.push(`${id}@${(clock.monotonicMs() - 1000) / MINUTE}`);
        made.running.add(id);
        made.mostAtOnce = Math.max(made.mostAtOnce, made.running.size);
        await clock.sleep(tookMs(id));
        made.running.delete(id);
        return outcome;
      },
    }),
  };
  made.scheduler.replace(entries);
  return made;
}

async function finish({ scheduler, clock }: Pick<World, 'scheduler' | 'clock'>): Promise<void> {
  const stopping = scheduler.stop();
  await clock.pass(HOUR);
  await stopping;
}

const every = (id: string, minutes: number): Entry => ({
  id,
  schedule: { kind: 'every', everyMs: minutes * MINUTE, jitterMs: 0 },
});

test('each runs at its slots', async () => {
  const { clock, starts, scheduler } = world([every('a', 15), every('b', 30)]);
  await clock.pass(HOUR);
  assert.deepEqual(starts, ['a@0', 'b@0', 'a@8', 'a@23', 'b@23', 'a@38', 'a@53', 'b@53']);
  await finish({ scheduler, clock });
});

test('no more run at once than may, and those that wait go first', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const made = world(
    names.map((name) => every(name, 60)),
    { atOnce: 2, tookMs: () => 10 * MINUTE },
  );
  await made.clock.pass(31 * MINUTE);
  assert.equal(made.mostAtOnce, 2);
  assert.deepEqual(made.starts, ['a@0', 'b@0', 'c@10', 'd@10', 'e@20']);
  await finish(made);
});

test('what somebody else has started is not started', async () => {
  const { clock, starts, scheduler } = world([{ ...every('a', 15), lastStartMs: START }]);
  scheduler.started('a');
  await clock.pass(20 * MINUTE);
  assert.deepEqual(starts, []);
  scheduler.ended('a', 'done');
  await clock.pass(1);
  assert.deepEqual(starts, ['a@20']);
  await finish({ scheduler, clock });
});

test('a machine that wakes up is noticed within seconds', async () => {
  const { clock, starts, scheduler } = world([{ ...every('a', 240), lastStartMs: START }]);
  await clock.pass(MINUTE);
  clock.set(5 * HOUR);
  await clock.pass(20_000);
  assert.equal(starts.length, 1);
  await finish({ scheduler, clock });
});

test('stopping waits for what runs, and starts nothing more', async () => {
  const { clock, starts, scheduler, running } = world([every('a', 1)], { tookMs: () => 5 * MINUTE });
  await clock.pass(1000);
  const stopped = scheduler.stop();
  await clock.pass(10 * MINUTE);
  await stopped;
  assert.deepEqual([starts, [...running]], [['a@0'], []]);
});

test('a run that throws is a failure, and the next one comes', async () => {
  const clock = fakeClock(START);
  let runs = 0;
  const scheduler = createScheduler({
    clock,
    seed: 'node',
    atOnce: 1,
    run: async () => {
      runs++;
      throw new Error('broken');
    },
  });
  scheduler.replace([every('a', 10)]);
  await clock.pass(2 * HOUR);
  assert.ok(runs >= 4 && runs <= 5, `${runs}`);
  await finish({ scheduler, clock });
});

test('through a day of schedules, naps and manual runs none overlaps, none is missed', async () => {
  const random = seededRandom(TEST_SEED);
  const made = world([every('a', 5), every('b', 7), every('c', 60)], {
    atOnce: 2,
    tookMs: () => random.below(4 * MINUTE),
  });
  const lengths = { a: 5, b: 7, c: 60 } as const;
  const lastSeen = new Map<string, number>();
  for (let minute = 0; minute < 24 * 60; minute++) {
    await made.clock.pass(MINUTE);
    for (const id of ['a', 'b', 'c'] as const) {
      if (random.chance(0.002)) {
        if (!made.running.has(id)) {
          made.scheduler.started(id);
          made.scheduler.ended(id, 'done');
        }
      }
      const last = made.starts.findLast((start) => start.startsWith(id));
      lastSeen.set(id, Number(last?.split('@')[1] ?? 0));
      // Its own run, one that holds the place, and the turn itself.
      const since = minute + 1 - (lastSeen.get(id) ?? 0);
      assert.ok(since <= 2 * lengths[id] + 12, `${id} has not run for ${since} minutes (seed ${TEST_SEED})`);
    }
  }
  assert.ok(made.mostAtOnce <= 2);
  await finish(made);
});
