import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readManifest } from '@hakiri/core/manifest';
import { projectKey, withPublicKeys } from '../src/project-key.ts';

const [A, B] = ['a', 'b'].map((digit) => `ed25519/${digit.repeat(64)}`) as [string, string];
const MANIFESTS: Readonly<Record<string, string>> = {
  'a section': '# mine\n[project]\nname = "demo" # so\n\n[[pipeline]]\nid = "x"\n',
  'a section that ends the file': '[project]\nname = "demo"',
  'comments before the name': '[project]\n# a comment\n\n  name = "demo"\n',
  'a dotted key': 'project.name = "demo"\n# the end\n',
  'an inline table': 'project = { name = "demo" } # mine\n',
  'a list of several lines': `[project]\nname = "demo"\npublic_keys = [\n  # the first\n  "${A}", # so\n]\n`,
};

for (const [name, text] of Object.entries(MANIFESTS)) {
  test(`a public key is added to ${name}, and taken away again`, async () => {
    const added = await withPublicKeys('hakiri.toml', text, (keys) => [...keys, A, B]);
    const comments = (of: string) => of.match(/#[^\n]*/g) ?? [];
    const keysOf = (of: string) =>
      (/public_keys = \[([\s\S]*?)\]/.exec(of)?.[1] ?? '').match(/ed25519\/(?:a+|b+)/g);
    assert.deepEqual(keysOf(added), [A, B]);
    assert.deepEqual(comments(added), comments(text));
    const left = await withPublicKeys('hakiri.toml', added, (keys) => keys.filter((key) => key !== A));
    assert.deepEqual(keysOf(left), [B]);
    assert.equal(await withPublicKeys('hakiri.toml', left, (keys) => [...keys, B]), left);
  });
}

test('the key is made once, and the manifest knows it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-key-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'hakiri.toml');
  writeFileSync(path, '[project]\nname = "demo"\n');
  const keys = () =>
    readManifest([{ file: 'hakiri.toml', text: readFileSync(path, 'utf8') }]).project.publicKeys;
  const { publicKey } = await projectKey(folder, keys());
  assert.deepEqual(keys(), [publicKey]);
  assert.equal((await projectKey(folder, keys())).publicKey, publicKey);
  assert.deepEqual(keys(), [publicKey]);
  // Dropped elsewhere: it does not come back by itself.
  await assert.rejects(projectKey(folder, [A]), { code: 'key.missing' });
  rmSync(join(folder, '.hakiri'), { recursive: true });
  await assert.rejects(projectKey(folder, keys()), { code: 'key.missing' });
});
