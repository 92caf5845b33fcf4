import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frontierOf } from '../../src/text/frontier.ts';
import { below, generator, pick } from './corpus.ts';

test('a frontier has for every row a pair that is no less frequent and no longer, and few pairs', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = generator(seed);
    const most = pick(random, [2, 10, 200]);
    const rows = 1 + below(random, 128);
    const ordinals = Uint32Array.from({ length: rows }, (_, i) => i);
    const frequencies = ordinals.map(() => 1 + below(random, most));
    const lengths = frequencies.map((frequency) => frequency + below(random, 300));
    const frontier = frontierOf(ordinals, frequencies, 0, rows, lengths);
    assert.ok(frontier.length <= 16 && frontier.length % 2 === 0);
    for (let row = 0; row < rows; row++) {
      const bounded = frontier.some(
        (frequency, i) => i % 2 === 0 && frequency >= frequencies[row]! && frontier[i + 1]! <= lengths[row]!,
      );
      assert.ok(bounded, `row ${row} (seed ${seed})`);
    }
    if (frontier.length === 16) continue;
    // Nothing looser than it must be: each pair is a row's.
    for (let i = 0; i < frontier.length; i += 2) {
      assert.ok(ordinals.some((row) => frequencies[row] === frontier[i] && lengths[row] === frontier[i + 1]));
    }
  }
});
