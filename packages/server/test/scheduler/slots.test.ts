import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotsOf } from '../../src/scheduler/slots.ts';

const MINUTE = 60_000;
const at = (text: string): number => new Date(text).getTime();

test('an interval counts from 1970, so that a restart does not move it', () => {
  const slots = slotsOf({ kind: 'every', everyMs: 15 * MINUTE, jitterMs: 0 }, 'a');
  assert.equal(slots.after(at('2026-11-01T10:07:00Z')), at('2026-11-01T10:15:00Z'));
  assert.equal(slots.after(at('2026-11-01T10:15:00Z')), at('2026-11-01T10:30:00Z'));
});

test('cron is in the time of the machine, with five fields or six', () => {
  const daily = slotsOf({ kind: 'cron', expression: '30 6 * * mon-fri', jitterMs: 0 }, 'a');
  // A Friday; the next working day is Monday.
  assert.equal(daily.after(at('2026-11-06T06:30:00')), at('2026-11-09T06:30:00'));
  const often = slotsOf({ kind: 'cron', expression: '*/10 * * * * *', jitterMs: 0 }, 'a');
  assert.equal(often.after(at('2026-11-06T06:30:01')), at('2026-11-06T06:30:10'));
});

test('jitter moves every slot of a pipeline by the same, and pipelines apart', () => {
  const schedule = { kind: 'every', everyMs: 60 * MINUTE, jitterMs: MINUTE } as const;
  const shifts = Array.from({ length: 200 }, (_, i) => {
    const slots = slotsOf(schedule, `node/pipeline-${i}`);
    const first = slots.after(at('2026-11-01T10:30:00Z')) ?? 0;
    assert.equal((slots.after(first) ?? 0) - first, 60 * MINUTE);
    return first - at('2026-11-01T11:00:00Z');
  });
  assert.ok(shifts.every((shift) => shift >= 0 && shift < MINUTE));
  const quarters = [0, 1, 2, 3].map((q) => shifts.filter((shift) => Math.floor(shift / 15_000) === q).length);
  assert.ok(
    quarters.every((count) => count > 25),
    quarters.join(' '),
  );
});
