import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareIncremental, formatIncremental, lookBack } from '../../src/toolkit/incremental-value.ts';

describe('incremental values', () => {
  it('compare by number, by moment, else by text', () => {
    const before: readonly (readonly [string, string])[] = [
      ['9007199254740992', '9007199254740993'],
      ['-5', '3'],
      ['1.5', '2'],
      ['"2026-01-01T00:00:00Z"', '"2026-01-01T00:00:00.000001Z"'],
      ['"2026-01-01T00:30:00+01:00"', '"2026-01-01T00:00:00Z"'],
      ['"2026-01-01"', '"2026-01-01 00:00:01"'],
      ['"abc"', '"abd"'],
    ];
    for (const [a, b] of before) {
      assert.ok(compareIncremental(a, b) < 0, `${a} < ${b}`);
      assert.ok(compareIncremental(b, a) > 0, `${b} > ${a}`);
      assert.equal(compareIncremental(a, a), 0);
    }
    assert.equal(compareIncremental('"2026-01-01T01:00:00+0100"', '"2026-01-01T00:00:00Z"'), 0);
  });

  it('are written earlier by the lookback', () => {
    assert.equal(formatIncremental('"2026-01-01T00:00:00Z"', 'iso', 60_000), '2025-12-31T23:59:00Z');
    assert.equal(formatIncremental('"2026-01-01T00:00:00.250Z"', 'iso', 1), '2026-01-01T00:00:00.249Z');
    assert.equal(formatIncremental('1767225600', 'unix', 60_000), '1767225540');
    assert.equal(formatIncremental('1767225600000', 'unix_ms', 1), '1767225599999');
    assert.equal(formatIncremental('1767225600', 'iso', 0), '2026-01-01T00:00:00Z');
    assert.equal(formatIncremental('"v7"', 'iso', 60_000), 'v7');
    assert.equal(formatIncremental('"2026-01-01"', 'raw', 60_000), '2026-01-01');
  });

  it('stay values when they go back', () => {
    assert.equal(lookBack('"2026-01-01T00:00:00Z"', 'iso', 60_000), '"2025-12-31T23:59:00Z"');
    assert.equal(lookBack('1767225600', 'unix', 60_000), '1767225540');
    assert.equal(lookBack('1767225600000', 'unix_ms', 60_000), '1767225540000');
  });
});
