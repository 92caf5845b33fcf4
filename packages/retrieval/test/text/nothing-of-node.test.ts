import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const FOLDER = new URL('../../src/text/', import.meta.url);

test('text segments need nothing of Node', () => {
  for (const name of readdirSync(FOLDER)) {
    const source = readFileSync(new URL(name, FOLDER), 'utf8');
    for (const [, from] of source.matchAll(/from '([^']+)'/g)) {
      assert.match(from!, /^(\.\.?\/|@hakiri\/core$|porter2$)/, `${name} imports ${from}`);
    }
    assert.doesNotMatch(source, /\bBuffer\b|\bprocess\./, name);
  }
});
