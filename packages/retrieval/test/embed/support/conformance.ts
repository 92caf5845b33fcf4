import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Embedder } from '@hakiri/core';

const TEXTS = [
  'Memory leak while reading parquet',
  '',
  'Straße und Wörter',
  '数据库内存泄漏',
  '🎉🎉',
  '\ud800 half a pair',
  'word '.repeat(20_000),
  'a\u0000b\n\ttabs',
];

/** What every embedder keeps to, whatever stands behind it. */
export function embedderConformance(name: string, open: () => Promise<Embedder>): void {
  const use = async (work: (embedder: Embedder) => Promise<void>): Promise<void> => {
    const embedder = await open();
    try {
      await work(embedder);
    } finally {
      await embedder.close();
    }
  };

  describe(`embedder: ${name}`, () => {
    test('every text, however odd, gets a vector of the right size and of length 1', () =>
      use(async (embedder) => {
        for (const purpose of ['document', 'query'] as const) {
          const vectors = await embedder.embed(TEXTS, { purpose });
          assert.equal(vectors.length, TEXTS.length);
          for (const [i, vector] of vectors.entries()) {
            assert.ok(vector instanceof Float32Array);
            assert.equal(vector.length, embedder.model.dims);
            assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5, `text ${i}: ${Math.hypot(...vector)}`);
          }
        }
      }));

    test('a text gets the same vector alone, among others and again', () =>
      use(async (embedder) => {
        const all = await embedder.embed(TEXTS, { purpose: 'document' });
        for (const [i, text] of TEXTS.entries()) {
          const [alone] = await embedder.embed([text], { purpose: 'document' });
          assert.ok(nearness(alone!, all[i]!) > 0.9999, `text ${i}`);
        }
      }));

    test('vectors come in the order of the texts', () =>
      use(async (embedder) => {
        const texts = Array.from({ length: 150 }, (_, i) => `number ${i} of ${i * 7919}`);
        const forwards = await embedder.embed(texts, { purpose: 'document' });
        const backwards = await embedder.embed(texts.toReversed(), { purpose: 'document' });
        forwards.forEach((vector, i) => {
          assert.ok(nearness(vector, backwards[texts.length - 1 - i]!) > 0.9999, `text ${i}`);
        });
      }));

    test('no texts, no vectors', () =>
      use(async (embedder) => {
        assert.deepEqual(await embedder.embed([], { purpose: 'document' }), []);
      }));

    test('an aborted request ends with the reason of the signal', () =>
      use(async (embedder) => {
        const reason = new Error('enough');
        await assert.rejects(
          embedder.embed(TEXTS, { purpose: 'document', signal: AbortSignal.abort(reason) }),
          reason,
        );
      }));
  });
}

export function nearness(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
