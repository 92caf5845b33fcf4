import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mergeConcurrently } from '../../src/toolkit/merge-concurrently.ts';

describe('generators merged', () => {
  const counted = () => {
    const state = { open: 0, most: 0 };
    async function* generator(values: number, failAt = Number.POSITIVE_INFINITY) {
      state.open++;
      state.most = Math.max(state.most, state.open);
      try {
        for (let i = 0; i < values; i++) {
          await new Promise((resolve) => setImmediate(resolve));
          if (i === failAt) throw new Error('failed');
          yield i;
        }
      } finally {
        state.open--;
      }
    }
    return { state, generator };
  };

  it('give all their values, no more than the limit running', async () => {
    const { state, generator } = counted();
    const values: number[] = [];
    for await (const value of mergeConcurrently(
      [1, 5, 0, 3, 2, 4].map((n) => generator(n)),
      3,
    ))
      values.push(value);
    assert.equal(values.length, 15);
    assert.ok(state.most <= 3, `${state.most} at a time`);
    assert.equal(state.open, 0);
  });

  it('are all closed when one fails, or nobody wants more', async () => {
    const { state, generator } = counted();
    await assert.rejects(async () => {
      for await (const _ of mergeConcurrently([generator(9), generator(9, 2), generator(9)], 3));
    }, /failed/);
    assert.equal(state.open, 0);
    for await (const _ of mergeConcurrently([generator(9), generator(9)], 2)) break;
    assert.equal(state.open, 0);
  });
});
