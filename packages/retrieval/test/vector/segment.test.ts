import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { everyRow } from '../../src/sets/row-set.ts';
import {
  createVectorSegmentWriter,
  gatherVectors,
  memoryFile,
  memorySink,
  openVectorSegment,
  scanVectors,
  toLengthOne,
} from '../../src/vector/index.ts';
import { byPlace, cosine, kindOf, random, randomVector, segmentBytes, segmentOf } from './support/vectors.ts';

const DIMS = 40;
const KIND = kindOf(DIMS);

function someVectors(seed: number, rows: number, share = 0.8) {
  const next = random(seed);
  return Array.from({ length: rows }, () => (next() < share ? randomVector(next, DIMS) : undefined));
}

test('a vector comes back in its direction at length 1, and a row without one has none', () => {
  const vectors = someVectors(1, 5000);
  const segment = segmentOf(KIND, vectors);
  assert.equal(segment.present.count, vectors.filter((vector) => vector).length);
  vectors.forEach((vector, ordinal) => {
    const found = segment.vectorAt(ordinal);
    assert.equal(found === undefined, vector === undefined);
    if (!vector || !found) return;
    assert.ok(Math.abs(cosine(found, vector) - 1) < 1e-6);
    assert.ok(Math.abs(Math.hypot(...found) - 1) < 1e-6);
  });
});

test('zeros have no direction and count as no vector; what is not finite is refused', () => {
  const segment = segmentOf(KIND, [new Float32Array(DIMS)]);
  assert.equal(segment.present.count, 0);
  const { sink } = memorySink();
  const writer = createVectorSegmentWriter({ ...KIND, rows: 1 }, sink);
  assert.throws(() => writer.add(new Float32Array(DIMS).fill(Number.NaN)), RangeError);
});

test('a vector of another size is refused', () => {
  const { sink } = memorySink();
  const writer = createVectorSegmentWriter({ ...KIND, rows: 1 }, sink);
  assert.throws(
    () => writer.add(new Float32Array(DIMS + 1).fill(1)),
    (error) => isHakiriError(error) && error.code === 'embedding.dimension',
  );
});

test('a segment is opened only as what its index says it is', () => {
  const file = memoryFile(segmentBytes(KIND, someVectors(2, 10)));
  const others = [{ dims: 41 }, { model: 'another' }, { scan: 'float' as const }, { rows: 11 }];
  for (const other of others) {
    assert.throws(
      () => openVectorSegment(file, { ...KIND, rows: 10, ...other }),
      (error) => isHakiriError(error) && error.code === 'index.damaged',
    );
  }
});

for (const scan of ['int8', 'float'] as const) {
  test(`no changed byte and no cut of a ${scan} segment is taken for good`, () => {
    const seed = Number(process.env.HAKIRI_FUZZ_SEED ?? 20261122);
    const next = random(seed);
    const kind = kindOf(DIMS, scan);
    const vectors = someVectors(3, 300);
    const whole = segmentBytes(kind, vectors);
    const readAll = (bytes: Uint8Array) => {
      const segment = openVectorSegment(memoryFile(bytes), { ...kind, rows: 300 });
      const query = toLengthOne(randomVector(random(4), DIMS))!;
      const hits = scanVectors(query, [{ unit: 0, segment, rows: everyRow(300) }], 10, byPlace);
      const all = Array.from({ length: 300 }, (_, ordinal) => segment.vectorAt(ordinal));
      segment.release();
      return { hits, all };
    };
    readAll(whole);
    const count = Number(process.env.HAKIRI_FUZZ_COUNT ?? 400);
    for (let i = 0; i < count; i++) {
      const cut = i % 8 === 0;
      const bytes = cut ? whole.slice(0, Math.floor(next() * whole.length)) : whole.slice();
      if (!cut) {
        const at = i < 120 ? Math.floor(next() * 60) : Math.floor(next() * bytes.length);
        bytes[at] = bytes[at]! ^ (1 << Math.floor(next() * 8));
      }
      assert.throws(
        () => readAll(bytes),
        (error) => isHakiriError(error) && error.code === 'index.damaged',
        `seed ${seed}, change ${i}`,
      );
    }
  });
}

test('vectors gathered from several segments are the very same bytes', () => {
  const parts = [someVectors(5, 3000), someVectors(6, 10), someVectors(7, 2000, 0.3)];
  const next = random(8);
  const shuffled = parts
    .flatMap((vectors, source) => vectors.map((_, ordinal) => ({ source, ordinal, at: next() })))
    .filter(({ at }) => at < 0.9)
    .sort((a, b) => (a.source === 0 && b.source === 0 ? a.ordinal - b.ordinal : a.at - b.at));
  const sources = parts.map((vectors) => ({
    segment: segmentOf(KIND, vectors),
    newOrdinal: new Int32Array(vectors.length).fill(-1),
  }));
  shuffled.forEach(({ source, ordinal }, to) => {
    sources[source]!.newOrdinal[ordinal] = to;
  });
  const rows = shuffled.length;
  const { sink, bytes } = memorySink();
  const summary = gatherVectors({ ...KIND, rows }, sources, sink);
  const direct = segmentBytes(
    KIND,
    shuffled.map(({ source, ordinal }) => parts[source]![ordinal]),
  );
  assert.equal(summary.bytes, direct.length);
  assert.deepEqual(Buffer.compare(bytes(), direct), 0);
});
