import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { diskOf, faultFiles } from './support/fault-files.ts';
import { emptyRoot } from './support/test-store.ts';

const GONE = { code: 'interrupted' };

test('a flush that is under way when the power goes tells nobody that it succeeded', async (t) => {
  const root = emptyRoot(t);
  mkdirSync(root);
  const path = join(root, 'lines');
  const files = faultFiles({ root, fault: 'lost', at: 6, random: () => 0 });
  const file = await files.append(path);
  await files.syncFolder(root);
  await file.write(Buffer.from('a'));
  await file.write(Buffer.from('b'));
  const flush = file.sync();
  await assert.rejects(files.stat(path), GONE);
  await assert.rejects(flush, GONE);
  assert.equal(readFileSync(path, 'utf8'), '');
  await file.close();
});

test('a write that is under way when the power goes does not come after it', async (t) => {
  const root = emptyRoot(t);
  mkdirSync(root);
  const path = join(root, 'lines');
  const files = faultFiles({ root, fault: 'lost', at: 4, random: () => 0 });
  const file = await files.append(path);
  await files.syncFolder(root);
  const write = file.write(Buffer.alloc(1_000_000, 'a'));
  await assert.rejects(files.stat(path), GONE);
  assert.equal(readFileSync(path).length, 0);
  await assert.rejects(write, GONE);
  assert.equal(readFileSync(path).length, 0);
  await file.close();
});

test('what a process that died did not flush is flushed by no other that starts', async (t) => {
  const root = emptyRoot(t);
  mkdirSync(root);
  const path = join(root, 'lines');
  const disk = diskOf(root);
  const first = faultFiles({ root, disk, fault: 'crash', at: 2, random: () => 0 });
  await first.write(path, 'a');
  await assert.rejects(first.sync(path), GONE);
  const second = faultFiles({ root, disk, fault: 'lost', at: Number.POSITIVE_INFINITY, random: () => 0 });
  assert.equal(await second.readText(path), 'a');
  await second.cut();
  assert.throws(() => readFileSync(path), { code: 'ENOENT' });
});
