import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HakiriError } from '@hakiri/core';
import { keptToken } from '../../src/daemon/kept-token.ts';
import { socketPath } from '../../src/daemon/socket-path.ts';

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'hakiri-token-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const code = (expected: string) => (error: unknown) =>
  error instanceof HakiriError && error.code === expected;

let made = 0;
const keeping = (refused: readonly string[] = []) => ({
  make: async () => `token-${++made}`,
  check: async (token: string) => {
    if (refused.includes(token)) throw new HakiriError('token.invalid', 'The token is of another project');
  },
});

test('a token is made once and kept for its owner', async (t) => {
  const path = join(folder(t), 'keys/serve.token');
  const first = await keptToken(path, keeping());
  assert.deepEqual([first.isNew, first.replaced], [true, undefined]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const again = await keptToken(path, keeping());
  assert.deepEqual(again, { value: first.value, isNew: false, replaced: undefined });
});

test('one that lets nobody in any more is replaced, and it is said why', async (t) => {
  const path = join(folder(t), 'serve.token');
  writeFileSync(path, 'of-an-older-version\n', { mode: 0o600 });
  const token = await keptToken(path, keeping(['of-an-older-version']));
  assert.equal(token.isNew, true);
  assert.match(token.replaced ?? '', /another project/);
  assert.equal(readFileSync(path, 'utf8'), `${token.value}\n`);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('one that others can read is refused, and what is no answer about it replaces nothing', async (t) => {
  const path = join(folder(t), 'serve.token');
  const { value } = await keptToken(path, keeping());
  const failing = { ...keeping(), check: () => Promise.reject(new HakiriError('audit.unavailable', 'full')) };
  await assert.rejects(keptToken(path, failing), code('audit.unavailable'));
  assert.equal(readFileSync(path, 'utf8'), `${value}\n`);
  chmodSync(path, 0o640);
  await assert.rejects(keptToken(path, keeping()), code('secret.file_mode'));
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
