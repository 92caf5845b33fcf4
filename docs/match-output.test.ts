import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesOutput } from './support/match-output.ts';

test('dots stand for what differs from run to run, and for nothing else', () => {
  assert.ok(matchesOutput('2 rows in ...', '2 rows in 17 ms\n'));
  assert.ok(matchesOutput('first\n...\nlast', 'first\nmore\nand more\nlast\n'));
  assert.ok(matchesOutput('a  b\n-----  --', 'a        b\n---------  --\n'));
  assert.ok(matchesOutput('', ''));
  assert.ok(!matchesOutput('2 rows in ...', '3 rows in 17 ms\n'));
  assert.ok(!matchesOutput('first\n...\nlast', 'first\nmore\nlast\nsurplus\n'));
  assert.ok(!matchesOutput('', 'something\n'));
  assert.ok(!matchesOutput('something', ''));
  assert.ok(!matchesOutput('a.c', 'abc\n'));
});
