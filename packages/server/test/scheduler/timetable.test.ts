import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Schedule } from '@hakiri/core';
import fc from 'fast-check';
import { TEST_SEED } from '../../../../test/support/random.ts';
import { slotsOf } from '../../src/scheduler/slots.ts';
import { createTimetable, type Now, type RunOutcome } from '../../src/scheduler/timetable.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.parse('2026-11-01T10:07:00');

const every = (everyMs: number): Schedule => ({ kind: 'every', everyMs, jitterMs: 0 });
const cron = (expression: string): Schedule => ({ kind: 'cron', expression, jitterMs: 0 });

/** A timetable of one pipeline, and a time that the test moves. */
function single(schedule: Schedule, past: { lastStartMs?: number; failures?: number } = {}) {
  const timetable = createTimetable('seed');
  let now: Now = { wallMs: START, monotonicMs: 0 };
  timetable.replace([{ id: 'a', schedule, ...past }], now);
  return {
    timetable,
    pass(ms: number) {
      now = { wallMs: now.wallMs + ms, monotonicMs: now.monotonicMs + ms };
    },
    /** What sleep and a clock that is set look like. */
    set(ms: number) {
      now = { ...now, wallMs: now.wallMs + ms };
    },
    isDue: () => timetable.due(now).length === 1,
    start: () => timetable.started('a', now),
    end: (outcome: RunOutcome = 'done') => timetable.ended('a', outcome),
    run(outcome: RunOutcome = 'done') {
      timetable.started('a', now);
      timetable.ended('a', outcome);
    },
    /** Milliseconds until it starts again. */
    nextInMs: () => (timetable.nextStartMs('a', now) ?? Number.NaN) - now.wallMs,
  };
}

test('an interval that never ran is due at once; a cron expression waits for its time', () => {
  assert.equal(single(every(15 * MINUTE)).isDue(), true);
  assert.equal(single(cron('0 6 * * *')).isDue(), false);
});

test('what was missed while nothing ran is caught up once', () => {
  const down = single(every(15 * MINUTE), { lastStartMs: START - 10 * HOUR });
  assert.equal(down.isDue(), true);
  down.run();
  assert.equal(down.isDue(), false);
  assert.equal(down.nextInMs(), 8 * MINUTE);
  const nightly = single(cron('0 6 * * *'), { lastStartMs: START - DAY });
  assert.equal(nightly.isDue(), true);
});

test('what was missed while the machine slept is caught up once', () => {
  const slept = single(every(15 * MINUTE));
  slept.run();
  slept.set(5 * HOUR);
  assert.equal(slept.isDue(), true);
  slept.run();
  assert.equal(slept.isDue(), false);
});

test('a slot that passes while it runs is caught up once, when it has ended', () => {
  const long = single(every(MINUTE));
  long.start();
  long.pass(10 * MINUTE);
  assert.equal(long.isDue(), false);
  long.end();
  assert.equal(long.isDue(), true);
  long.run();
  assert.equal(long.isDue(), false);
});

test('failures wait twice as long each time, up to an hour', () => {
  const failing = single(every(10 * MINUTE));
  failing.pass(3 * MINUTE);
  const waits = Array.from({ length: 6 }, () => {
    failing.run('failed');
    const wait = failing.nextInMs();
    failing.pass(wait);
    assert.equal(failing.isDue(), true);
    return wait / MINUTE;
  });
  assert.deepEqual(waits, [10, 20, 40, 60, 60, 60]);
  failing.run('done');
  assert.equal(failing.nextInMs(), 10 * MINUTE);
});

test('failures never hold up what has more than an hour between its slots, and count on after a restart', () => {
  const daily = single(cron('0 6 * * *'), { lastStartMs: Date.parse('2026-11-01T06:00:00'), failures: 9 });
  assert.equal(daily.nextInMs(), Date.parse('2026-11-02T06:00:00') - START);
  const often = single(every(MINUTE), { lastStartMs: START - 5 * MINUTE, failures: 4 });
  assert.equal(often.nextInMs(), 3 * MINUTE);
});

test('a run that was stopped is neither a failure nor a success', () => {
  const stopped = single(every(10 * MINUTE), { lastStartMs: START - MINUTE, failures: 2 });
  stopped.run('stopped');
  assert.equal(stopped.nextInMs(), 20 * MINUTE);
});

describe('a clock that is set back', () => {
  test('by less than the time between slots repeats nothing', () => {
    const nightly = single(cron('0 3 * * *'));
    nightly.pass(17 * HOUR);
    assert.equal(nightly.isDue(), true);
    nightly.run();
    nightly.set(-2 * HOUR);
    nightly.pass(23 * HOUR);
    assert.equal(nightly.isDue(), false);
    nightly.pass(3 * HOUR);
    assert.equal(nightly.isDue(), true);
  });

  test('by years stops nothing', () => {
    const nightly = single(cron('0 3 * * *'));
    nightly.pass(17 * HOUR);
    nightly.run();
    nightly.set(-4 * 365 * DAY);
    assert.ok(nightly.nextInMs() <= DAY);
    const often = single(every(15 * MINUTE));
    often.run();
    often.set(-4 * 365 * DAY);
    assert.ok(often.nextInMs() <= 15 * MINUTE);
  });

  test('leaves an interval its rhythm', () => {
    const often = single(every(15 * MINUTE));
    often.pass(8 * MINUTE);
    often.run();
    often.set(-10 * MINUTE);
    assert.equal(often.nextInMs(), 15 * MINUTE + 5000);
  });

  test('before the last run of an earlier process is no reason to wait for it', () => {
    const odd = single(every(15 * MINUTE), { lastStartMs: START + 365 * DAY });
    assert.ok(odd.nextInMs() <= 15 * MINUTE);
  });
});

test('a schedule that changes keeps what it has run', () => {
  const { timetable, run, nextInMs } = single(every(15 * MINUTE));
  run();
  timetable.replace([{ id: 'a', schedule: every(HOUR) }], { wallMs: START, monotonicMs: 0 });
  assert.equal(nextInMs(), 53 * MINUTE);
});

const schedules = fc.oneof(
  fc.integer({ min: 20, max: 3600 }).map((seconds) => every(seconds * SECOND)),
  fc.constantFrom('*/5 * * * *', '0 * * * *', '30 3 * * *', '*/40 * * * * *', '0 6 * * mon-fri').map(cron),
);
const steps = fc.array(
  fc.record({
    passMs: fc.integer({ min: 1, max: 40 * MINUTE }),
    sleptMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 3 * DAY })),
    runs: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 60 },
);

test('no slot is missed and none runs twice, whatever time does as long as it goes on', () => {
  fc.assert(
    fc.property(schedules, steps, (schedule, moves) => {
      const timetable = createTimetable('seed');
      const slots = slotsOf(schedule, 'seed/a');
      let now: Now = { wallMs: START, monotonicMs: 0 };
      let lastStartMs = START;
      timetable.replace([{ id: 'a', schedule, lastStartMs }], now);
      for (const { passMs, sleptMs, runs } of moves) {
        now = { wallMs: now.wallMs + passMs + sleptMs, monotonicMs: now.monotonicMs + passMs };
        const slot = slots.after(lastStartMs) ?? Number.POSITIVE_INFINITY;
        const due = timetable.due(now).length === 1;
        const overdueMs = schedule.kind === 'every' ? now.wallMs - lastStartMs - schedule.everyMs : 0;
        assert.equal(due, slot <= now.wallMs || overdueMs > 5000, `slot ${slot} at ${now.wallMs}`);
        if (!due) continue;
        timetable.started('a', now);
        lastStartMs = now.wallMs;
        assert.deepEqual(timetable.due(now), []);
        now = { wallMs: now.wallMs + runs * MINUTE, monotonicMs: now.monotonicMs + runs * MINUTE };
        timetable.ended('a', 'done');
      }
    }),
    { seed: TEST_SEED, numRuns: 300 },
  );
});

test('whatever is done to the clock, it starts within two turns and not more often than its slots', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: -3 * DAY, max: 3 * DAY })), {
        maxLength: 6,
      }),
      (minutes, settings) => {
        const everyMs = minutes * MINUTE;
        const { isDue, run, pass, set } = single(every(everyMs));
        run();
        let sinceMs = 0;
        for (const [turns, jump] of settings) {
          // It catches up, and goes on at the next slot of the new time.
          let outOfTurn = 2;
          set(jump);
          for (let i = 0; i < turns; i++) {
            if (isDue()) {
              if (sinceMs < everyMs - MINUTE) outOfTurn--;
              assert.ok(outOfTurn >= 0, `again after ${sinceMs} ms`);
              run();
              sinceMs = 0;
            }
            pass(MINUTE / 2);
            sinceMs += MINUTE / 2;
            assert.ok(sinceMs <= 2 * everyMs + MINUTE, `nothing for ${sinceMs} ms`);
          }
        }
      },
    ),
    { seed: TEST_SEED, numRuns: 200 },
  );
});
