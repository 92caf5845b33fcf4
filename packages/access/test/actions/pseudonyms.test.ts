import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nodeFiles } from '../../../store/src/index.ts';
import { hashText, openPseudonyms } from '../../src/index.ts';

function folder(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'hakiri-keys-'));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, 'keys');
}

test('the key is made at first need, for its owner alone, and stays', async (t) => {
  const keys = folder(t);
  const first = await openPseudonyms(nodeFiles, keys);
  assert.deepEqual(readdirSync(keys).sort(), ['.gitignore', 'pseudonym.key']);
  assert.equal(statSync(join(keys, 'pseudonym.key')).mode & 0o777, 0o600);
  assert.equal(statSync(keys).mode & 0o777, 0o700);
  const second = await openPseudonyms(nodeFiles, keys);
  assert.equal(hashText('a', first), hashText('a', second));
  assert.notDeepEqual(first.subkey('hash'), first.subkey('rows'));
});

test('of many who make it at once all have the same', async (t) => {
  const keys = folder(t);
  const opened = await Promise.all(Array.from({ length: 20 }, () => openPseudonyms(nodeFiles, keys)));
  assert.equal(new Set(opened.map((pseudonyms) => hashText('a', pseudonyms))).size, 1);
  assert.deepEqual(readdirSync(keys).sort(), ['.gitignore', 'pseudonym.key']);
});

test('a file that is no key, or that others can read, is refused and left as it is', async (t) => {
  const keys = folder(t);
  await openPseudonyms(nodeFiles, keys);
  const path = join(keys, 'pseudonym.key');
  chmodSync(path, 0o644);
  await assert.rejects(openPseudonyms(nodeFiles, keys), { code: 'key.invalid' });
  chmodSync(path, 0o600);
  writeFileSync(path, 'nothing of the kind\n');
  await assert.rejects(openPseudonyms(nodeFiles, keys), { code: 'key.invalid' });
  assert.equal(readFileSync(path, 'utf8'), 'nothing of the kind\n');
});
