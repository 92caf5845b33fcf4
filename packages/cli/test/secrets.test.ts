import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { createScrubber } from '../src/scrub.ts';
import { createSecretReader } from '../src/secrets.ts';
import { emptyFolder } from './support/harness.ts';

type Test = Parameters<typeof emptyFolder>[0];

function secretsFile(t: Test, content: string, mode = 0o600): string {
  const folder = emptyFolder(t);
  mkdirSync(join(folder, '.hakiri'));
  const path = join(folder, '.hakiri', 'secrets.env');
  writeFileSync(path, content);
  chmodSync(path, mode);
  return folder;
}

function credentials(t: Test, name: string, value: string): string {
  const folder = emptyFolder(t);
  writeFileSync(join(folder, name), value);
  return folder;
}

function read(projectFolder: string, env: Record<string, string>, name = 'TOKEN'): string {
  return createSecretReader({ env, projectFolder, scrubber: createScrubber() })(name);
}

function code(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return isHakiriError(error) ? error.code : String(error);
  }
  return undefined;
}

test('the environment goes before systemd, systemd before the file', (t) => {
  const file = secretsFile(t, 'TOKEN=from-file\n');
  const CREDENTIALS_DIRECTORY = credentials(t, 'TOKEN', 'from-systemd\n');
  assert.equal(read(file, { TOKEN: 'from-env', CREDENTIALS_DIRECTORY }), 'from-env');
  assert.equal(read(file, { TOKEN: '', CREDENTIALS_DIRECTORY }), 'from-systemd');
  assert.equal(read(file, {}), 'from-file');
});

test('the file takes comments, quotes and signs of equality', (t) => {
  const file = secretsFile(t, '# mine\n\nA = "quoted value"\nB=a=b==\r\nC=\'single\'\nD=it"s\nE=\n');
  assert.deepEqual(
    ['A', 'B', 'C', 'D'].map((name) => read(file, {}, name)),
    ['quoted value', 'a=b==', 'single', 'it"s'],
  );
  assert.equal(
    code(() => read(file, {}, 'E')),
    'secret.missing',
  );
});

test('a file that others can read is refused, even for a name that is not in it', (t) => {
  for (const mode of [0o640, 0o604, 0o644]) {
    const file = secretsFile(t, 'TOKEN=x\n', mode);
    assert.equal(
      code(() => read(file, {})),
      'secret.file_mode',
    );
    assert.equal(
      code(() => read(file, {}, 'OTHER')),
      'secret.file_mode',
    );
  }
});

test('a secret without a value is told by its name, and a name cannot lead out of the folder', (t) => {
  const folder = emptyFolder(t);
  const CREDENTIALS_DIRECTORY = credentials(t, 'TOKEN', 'value');
  assert.throws(() => read(folder, {}), /the secret TOKEN has no value/);
  assert.equal(
    code(() => read(folder, { CREDENTIALS_DIRECTORY }, '../project/TOKEN')),
    'secret.missing',
  );
});

test('a value is known to the scrubber once it was read, in each form it may be written in', () => {
  const scrubber = createScrubber();
  const secret = 'a/b+"c"\nsecond-line-of-it';
  createSecretReader({ env: { KEY: secret }, projectFolder: '/', scrubber })('KEY');
  for (const form of [secret, JSON.stringify(secret), encodeURIComponent(secret), 'second-line-of-it']) {
    assert.match(scrubber.clean(`<${form}>`), /^<"?\*\*\*"?>$/, form);
  }
});

test('a secret that holds another is replaced as a whole, a very short one not at all', () => {
  const scrubber = createScrubber();
  for (const secret of ['abcd', 'abcdefgh', 'xy']) scrubber.add(secret);
  assert.equal(scrubber.clean('abcdefgh abcd xy'), '*** *** xy');
});
