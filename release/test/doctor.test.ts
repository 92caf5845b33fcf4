import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { payloadIndex } from './support/payload-index.ts';
import { emptyFolder, releasedProgram, run } from './support/released.ts';

const PROGRAM = releasedProgram('core');

/** What doctor says of the program, of a project with the sample in it. */
function examine(t: TestContext, program: string, env: Readonly<Record<string, string>>, before = () => {}) {
  const inProject = ['--project', emptyFolder(t)];
  assert.equal(run(program, ['run', 'github-issues', ...inProject], { env }).code, 0);
  before();
  const { code, stdout, stderr } = run(program, ['doctor', '--json', ...inProject], { env });
  const { healthy, checks } = JSON.parse(stdout || stderr);
  assert.equal(healthy, code === 0);
  return { healthy, check: checks.find(({ name }: { name: string }) => name === 'program') };
}

function damage(file: string): void {
  const bytes = readFileSync(file);
  bytes[1000] = (bytes[1000] ?? 0) ^ 4;
  writeFileSync(file, bytes);
}

test('doctor names a file of the program that the disk has spoiled, and the next start is whole', (t) => {
  const env = { HOME: emptyFolder(t) };
  const { healthy, check } = examine(t, PROGRAM, env);
  assert.equal(healthy, true);
  assert.match(check.message, /^\d+ files of the program as they were built$/);

  const cache = join(env.HOME, '.cache/hakiri');
  const [name = ''] = readdirSync(cache).filter((folder) => folder.startsWith('core-'));
  const folder = join(cache, name);
  const spoiled = examine(t, PROGRAM, env, () => damageUnseen(folder, 'LICENCES.txt'));
  assert.equal(spoiled.healthy, false);
  assert.equal(spoiled.check.path, join(folder, 'LICENCES.txt'));
  assert.match(spoiled.check.hint, /^Remove its folder: the next start unpacks it again/);
  assert.equal(examine(t, PROGRAM, env, () => damage(join(folder, 'LICENCES.txt'))).healthy, true);
});

test('doctor says of a program that is installed unpacked that it is to be installed again', (t) => {
  const folder = join(emptyFolder(t), 'unpacked');
  cpSync(`${PROGRAM}-unpacked`, folder, { recursive: true });
  damage(join(folder, 'LICENCES.txt'));
  const { healthy, check } = examine(t, join(folder, 'hakiri'), { HOME: folder });
  assert.equal(healthy, false);
  assert.match(check.hint, /^Install the program again/);
});

/** As a disk does it that loses a bit: when the file changed last is as it was. Nobody can set that; the seal can be. */
function damageUnseen(folder: string, name: string): void {
  damage(join(folder, name));
  const changes = payloadIndex(readFileSync(PROGRAM)).map((file) => changed(join(folder, file.name)));
  writeFileSync(join(folder, 'seal'), Buffer.concat(changes));
}

/** As it stands in the seal: seconds and nanoseconds. */
function changed(file: string): Buffer {
  const { ctimeNs } = statSync(file, { bigint: true });
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(ctimeNs / 1_000_000_000n, 0);
  bytes.writeBigInt64LE(ctimeNs % 1_000_000_000n, 8);
  return bytes;
}
