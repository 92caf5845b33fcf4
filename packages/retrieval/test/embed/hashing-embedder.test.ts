import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { BUILT_IN_DIMS, BUILT_IN_MODEL } from '@hakiri/core';
import { hashingEmbedder } from '../../src/embed/index.ts';
import { embedderConformance, nearness } from './support/conformance.ts';

embedderConformance('built in', async () => hashingEmbedder());

const embed = (...texts: readonly string[]) => hashingEmbedder().embed(texts, { purpose: 'document' });

test('the model says that it is lexical and that nothing leaves the process', () => {
  assert.deepEqual(hashingEmbedder().model, {
    id: BUILT_IN_MODEL,
    dims: BUILT_IN_DIMS,
    kind: 'lexical',
    zone: undefined,
  });
});

test('the vectors are the same on every machine', async () => {
  // Another digest means that every index of this model has to be built again: that is another model.
  const vectors = await embed(
    'Memory leak while reading parquet',
    'Straße, ŁÓDŹ and naïve',
    '数据库内存泄漏',
    '',
  );
  const digest = createHash('sha256');
  for (const vector of vectors) digest.update(new Uint8Array(vector.buffer));
  assert.equal(digest.digest('hex').slice(0, 16), '2485dff9cd6ce2a5');
});

test('other forms of a word are near, other words are not', async () => {
  const [leaks, leaking, parquet, typo] = await embed(
    'memory leaks',
    'leaking memory',
    'parquet reader',
    'memry leaks',
  );
  assert.ok(nearness(leaks!, leaking!) > 0.5, `${nearness(leaks!, leaking!)}`);
  assert.ok(nearness(leaks!, typo!) > 0.3, `${nearness(leaks!, typo!)}`);
  assert.ok(Math.abs(nearness(leaks!, parquet!)) < 0.2, `${nearness(leaks!, parquet!)}`);
});

test('case and accents do not count, and words that say little count little', async () => {
  const [plain, shouted, padded] = await embed(
    'resume upload fails',
    'RÉSUMÉ UPLOAD FAILS',
    'it is that the resume upload of my own fails',
  );
  assert.ok(nearness(plain!, shouted!) > 0.9999);
  assert.ok(nearness(plain!, padded!) > 0.9, `${nearness(plain!, padded!)}`);
});

test('thousands of documents a second', async () => {
  const texts = Array.from(
    { length: 400 },
    (_, i) => `document ${i} `.repeat(5) + 'of ordinary words '.repeat(30),
  );
  await embed(...texts);
  const started = process.cpuUsage();
  await embed(...texts);
  const seconds = process.cpuUsage(started).user / 1e6;
  assert.ok(texts.length / seconds > 2000, `${Math.round(texts.length / seconds)} a second`);
});

test('a long embedding lets others have their turn', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await embed(...Array.from({ length: 300 }, (_, i) => `unusual${i} words${i} everywhere${i} `.repeat(40)));
  clearInterval(timer);
  assert.ok(turns >= 2, `${turns}`);
});
