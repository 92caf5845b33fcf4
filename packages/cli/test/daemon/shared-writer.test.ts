import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HakiriError, isHakiriError } from '@hakiri/core';
import type { LockOptions, WritableStore } from '@hakiri/store';
import { createSharedWriter, type SharedWriterOptions } from '../../src/shared-writer.ts';
import { systemClock } from '../../src/system-clock.ts';
import { createTurns } from '../../src/turns.ts';

const LOCK: LockOptions = { command: 'test', waitMs: 0 };

/** Stores that only know whether they are open. */
function world(options: Partial<SharedWriterOptions> = {}) {
  const events: string[] = [];
  let opened = 0;
  const writer = createSharedWriter({
    clock: systemClock,
    idleMs: 30,
    async open() {
      const number = ++opened;
      events.push(`open ${number}`);
      await sleep(5);
      return { close: async () => void events.push(`close ${number}`) } as unknown as WritableStore;
    },
    ...options,
  });
  return { writer, events };
}

test('who writes at the same time shares a store, which is kept for a moment', async () => {
  const { writer, events } = world();
  const stores = await Promise.all([1, 2, 3].map(() => writer.use(LOCK, async (store) => store)));
  assert.equal(new Set(stores).size, 1);
  await writer.use(LOCK, async () => {});
  assert.deepEqual(events, ['open 1']);
  await sleep(80);
  assert.deepEqual(events, ['open 1', 'close 1']);
  await writer.use(LOCK, async () => {});
  assert.deepEqual(events, ['open 1', 'close 1', 'open 2']);
  await writer.close();
  assert.equal(events.at(-1), 'close 2');
});

test('a command gives it back before it goes on', async () => {
  const { writer, events } = world({ idleMs: 0 });
  await writer.use(LOCK, async () => {});
  assert.deepEqual(events, ['open 1', 'close 1']);
});

test('it is never closed under whoever uses it', async () => {
  const { writer, events } = world({ idleMs: 1 });
  const long = writer.use(LOCK, async () => {
    await sleep(60);
    events.push('written');
  });
  await writer.use(LOCK, async () => {});
  await writer.close();
  await long;
  await sleep(20);
  assert.deepEqual(events, ['open 1', 'written', 'close 1']);
});

test('one who would wait longer does not fail with one who would not', async () => {
  let opened = 0;
  const { writer } = world({
    async open({ waitMs }) {
      await sleep(10);
      if (opened++ === 0) throw new HakiriError('store.locked', 'somebody writes');
      assert.equal(waitMs, 1000);
      return { close: async () => {} } as unknown as WritableStore;
    },
  });
  const [first, second] = await Promise.allSettled([
    writer.use(LOCK, async () => 'first'),
    writer.use({ ...LOCK, waitMs: 1000 }, async () => 'second'),
  ]);
  assert.equal(first.status, 'rejected');
  assert.deepEqual(second, { status: 'fulfilled', value: 'second' });
  await writer.close();
});

test('used without a break it is given back all the same, so that others get their turn', async () => {
  const { writer, events } = world({ idleMs: 1000, longestMs: 50 });
  const started = performance.now();
  while (!events.includes('open 2') && performance.now() - started < 3000) {
    await writer.use(LOCK, () => sleep(10));
  }
  assert.deepEqual(events.slice(0, 3), ['open 1', 'close 1', 'open 2']);
  await writer.close();
});

test('whoever is stopped while he waits is told so', async () => {
  const stop = new AbortController();
  const { writer } = world({
    async open({ signal }) {
      await systemClock.sleep(10_000, signal);
      throw new Error('never');
    },
  });
  const waiting = writer.use({ ...LOCK, signal: stop.signal }, async () => {});
  stop.abort();
  await assert.rejects(waiting, (error) => isHakiriError(error) && error.code === 'interrupted');
});

test('turns are taken in order, one name does not wait for another, and a failure holds up nobody', async () => {
  const inTurn = createTurns();
  const done: string[] = [];
  const work = (name: string, ms: number) => async () => {
    await sleep(ms);
    done.push(name);
  };
  const failing = inTurn('a', async () => {
    await sleep(30);
    throw new Error('no');
  });
  const all = [inTurn('a', work('a2', 5)), inTurn('b', work('b', 1)), inTurn('a', work('a3', 1))];
  await assert.rejects(failing);
  await Promise.all(all);
  assert.deepEqual(done, ['b', 'a2', 'a3']);
});
