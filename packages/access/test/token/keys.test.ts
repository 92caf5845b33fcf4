import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nodeFiles } from '../../../store/src/disk/node-files.ts';
import {
  ensureSigningKey,
  exportKeys,
  importKeys,
  inspectToken,
  issueToken,
  listIssued,
  openRevocations,
  readSigningKey,
  recordIssued,
  requireSigningKey,
  rotateSigningKey,
} from '../../src/token/index.ts';
import { HOUR, issued, NOW, READS_NOTES } from './support/parts.ts';

function folders(t: TestContext): { readonly root: string; readonly keys: string } {
  const root = mkdtempSync(join(tmpdir(), 'hakiri-keys-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return { root, keys: join(root, '.hakiri/keys') };
}

test('a key is made once, for its owner alone, and several that make one at once have the same', async (t) => {
  const { keys } = folders(t);
  assert.equal(await readSigningKey(nodeFiles, keys), undefined);
  await assert.rejects(requireSigningKey(nodeFiles, keys), { code: 'key.missing' });
  const made = await Promise.all(Array.from({ length: 8 }, () => ensureSigningKey(nodeFiles, keys)));
  assert.equal(new Set(made.map(({ publicKey }) => publicKey)).size, 1);
  assert.equal(statSync(join(keys, 'signing.key')).mode & 0o777, 0o600);
  assert.deepEqual(
    (await nodeFiles.list(keys)).map(({ name }) => name),
    ['.gitignore', 'signing.key'],
  );
});

test('a key that others can read, or that is none, is refused', async (t) => {
  const { keys } = folders(t);
  await ensureSigningKey(nodeFiles, keys);
  const path = join(keys, 'signing.key');
  chmodSync(path, 0o644);
  await assert.rejects(requireSigningKey(nodeFiles, keys), { code: 'key.invalid', message: /other users/ });
  chmodSync(path, 0o600);
  writeFileSync(path, 'secret');
  await assert.rejects(ensureSigningKey(nodeFiles, keys), (error: Error & { code: string }) => {
    assert.equal(error.code, 'key.invalid');
    assert.ok(!error.message.includes('secret'));
    return true;
  });
});

test('keys go to another machine and mean the same there', async (t) => {
  const [here, there] = [folders(t), folders(t)];
  const key = await ensureSigningKey(nodeFiles, here.keys);
  writeFileSync(join(here.keys, 'pseudonym.key'), `${'ab'.repeat(32)}\n`, { mode: 0o600 });
  const file = join(here.root, 'exported.json');
  await exportKeys(nodeFiles, here.keys, file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await assert.rejects(exportKeys(nodeFiles, here.keys, file), { code: 'key.exists' });
  await importKeys(nodeFiles, there.keys, file);
  await importKeys(nodeFiles, there.keys, file);
  assert.equal((await requireSigningKey(nodeFiles, there.keys)).publicKey, key.publicKey);
  assert.equal(readFileSync(join(there.keys, 'pseudonym.key'), 'utf8').trim(), 'ab'.repeat(32));
});

test('an import takes no other key’s place, and takes nothing of a file that holds none', async (t) => {
  const [here, there] = [folders(t), folders(t)];
  await ensureSigningKey(nodeFiles, here.keys);
  const own = await ensureSigningKey(nodeFiles, there.keys);
  const file = join(here.root, 'exported.json');
  await exportKeys(nodeFiles, here.keys, file);
  await assert.rejects(importKeys(nodeFiles, there.keys, file), { code: 'key.exists' });
  assert.equal((await requireSigningKey(nodeFiles, there.keys)).publicKey, own.publicKey);
  for (const text of [
    '',
    '{}',
    '{"format":1}',
    '{"format":1,"signing":"x"}',
    '{"format":2,"signing":"ab"}',
    'null',
  ]) {
    writeFileSync(file, text);
    await assert.rejects(importKeys(nodeFiles, there.keys, file), { code: 'key.invalid' }, text);
  }
  await assert.rejects(exportKeys(nodeFiles, join(here.root, 'none'), join(here.root, 'out')), {
    code: 'key.missing',
  });
});

test('a rotation makes the new key known before anything is signed with it, and goes on where it was cut off', async (t) => {
  const { keys } = folders(t);
  const old = await ensureSigningKey(nodeFiles, keys);
  const published: string[] = [];
  const cutOff = rotateSigningKey(nodeFiles, keys, async (next) => {
    published.push(next.publicKey);
    assert.equal((await requireSigningKey(nodeFiles, keys)).publicKey, old.publicKey);
    throw new Error('cut off');
  });
  await assert.rejects(cutOff, /cut off/);
  const next = await rotateSigningKey(nodeFiles, keys, async ({ publicKey }) => {
    published.push(publicKey);
  });
  assert.deepEqual(published, [next.publicKey, next.publicKey]);
  assert.notEqual(next.publicKey, old.publicKey);
  assert.equal((await requireSigningKey(nodeFiles, keys)).publicKey, next.publicKey);
  assert.ok(!existsSync(join(keys, 'signing.key.next')));
});

test('what was revoked is revoked for every process at once, and stays so', async (t) => {
  const { root } = folders(t);
  const revoked = join(root, 'revoked');
  const [here, there] = [openRevocations(nodeFiles, revoked), openRevocations(nodeFiles, revoked)];
  const [id] = inspectToken(issued().token).ids as [string];
  assert.equal(here.isRevoked(id), false);
  assert.deepEqual(await here.list(), []);
  assert.equal(await there.revoke(id, { atMs: NOW, reason: 'left' }), true);
  assert.equal(await here.revoke(id, { atMs: NOW + 1 }), false);
  assert.equal(here.isRevoked(id), true);
  assert.deepEqual(await here.list(), [id]);
  assert.deepEqual(JSON.parse(readFileSync(join(revoked, `${id}.json`), 'utf8')), {
    format: 1,
    id,
    revoked_at: '2027-01-15T08:00:00.000Z',
    reason: 'left',
  });
  await assert.rejects(here.revoke('../../etc', { atMs: NOW }), { code: 'usage.argument' });
});

test('what was issued is listed without the tokens', async (t) => {
  const { keys } = folders(t);
  assert.deepEqual(await listIssued(nodeFiles, keys), []);
  const key = await ensureSigningKey(nodeFiles, keys);
  const token = issueToken(
    { ...READS_NOTES, restrictions: { rows: [], columns: [], actions: [], minGroups: [] } },
    key,
  );
  await recordIssued(nodeFiles, keys, token, NOW);
  await recordIssued(nodeFiles, keys, issueToken(READS_NOTES, key), NOW + 1);
  writeFileSync(join(keys, 'issued.jsonl'), '{"id": "cut off', { flag: 'a' });
  const records = await listIssued(nodeFiles, keys);
  assert.deepEqual(
    records.map(({ issuedAtMs }) => issuedAtMs),
    [NOW, NOW + 1],
  );
  assert.equal(records[0]?.id, token.id);
  assert.equal(records[0]?.expiresAtMs, NOW + HOUR);
  const text = readFileSync(join(keys, 'issued.jsonl'), 'utf8');
  assert.ok(!text.includes(token.token.slice(20, 60)));
});
