import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HakiriError } from '@hakiri/core';
import { socketPath } from '../../src/daemon/socket-path.ts';
import { ensureToken } from '../../src/daemon/token.ts';

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'hakiri-token-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const code = (expected: string) => (error: unknown) =>
  error instanceof HakiriError && error.code === expected;

test('a token is made once and kept for its owner', (t) => {
  const path = join(folder(t), 'keys/serve.token');
  const made = ensureToken(path);
  assert.equal(made.isNew, true);
  assert.equal(Buffer.from(made.value, 'base64url').length, 32);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(ensureToken(path), { value: made.value, isNew: false });
});

test('a token that others can read, or that is none, is refused', (t) => {
  const path = join(folder(t), 'serve.token');
  ensureToken(path);
  chmodSync(path, 0o640);
  assert.throws(() => ensureToken(path), code('secret.file_mode'));
  chmodSync(path, 0o600);
  writeFileSync(path, 'short\n');
  assert.throws(() => ensureToken(path), code('secret.missing'));
});

test('a socket lies in the project, or under its digest where the path is too long', (t) => {
  assert.equal(socketPath('/home/ada/demo', {}), '/home/ada/demo/.hakiri/daemon.sock');
  const deep = `/home/${'a'.repeat(100)}`;
  const runtime = folder(t);
  const short = socketPath(deep, { XDG_RUNTIME_DIR: runtime });
  assert.match(short, new RegExp(`^${runtime}/hakiri-[0-9a-f]{16}\\.sock$`));
  assert.notEqual(short, socketPath(`${deep}b`, { XDG_RUNTIME_DIR: runtime }));
});

test('a folder that others may write to is no place for a socket', (t) => {
  const shared = folder(t);
  chmodSync(shared, 0o777);
  assert.throws(
    () => socketPath(`/home/${'a'.repeat(100)}`, { XDG_RUNTIME_DIR: shared }),
    code('server.port_taken'),
  );
});
