import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { describeFile, sha256 } from '../src/payload.ts';
import { withIndex } from './support/payload-index.ts';
import { emptyFolder, needsRoot, releasedProgram, run, runWithMounts } from './support/released.ts';
import { programOf, releasedLauncher, smallProgram } from './support/small-program.ts';
import { assertRefuses, assertStarts, cacheIn, contents, NOT_STARTED } from './support/starting.ts';
import { compileTool } from './support/tool.ts';

const RELEASED = releasedProgram('core');
const programs = mkdtempSync(join(tmpdir(), 'hakiri-release-'));
after(() => rmSync(programs, { recursive: true, force: true }));
const SMALL = await smallProgram(programs, 1);

function damagedProgram(t: TestContext, damage: (bytes: Buffer) => Buffer): string {
  const file = join(emptyFolder(t), 'hakiri');
  writeFileSync(file, damage(readFileSync(SMALL.path)), { mode: 0o755 });
  return file;
}

/** A home with the small program unpacked, and the folder it is in. */
function unpackedHome(t: TestContext): { readonly home: string; readonly folder: string } {
  const home = emptyFolder(t);
  assertStarts(SMALL.path, { HOME: home });
  return { home, folder: join(cacheIn(home), SMALL.name) };
}

function assertWhole(folder: string): void {
  for (const [name, digest] of Object.entries(SMALL.digests))
    assert.equal(sha256(readFileSync(join(folder, name))), digest, name);
}

test('what is unpacked belongs to the user alone', (t) => {
  const home = emptyFolder(t);
  assertStarts(RELEASED, { HOME: home });
  const [version = ''] = contents(cacheIn(home));
  const mode = (...path: string[]) => statSync(join(cacheIn(home), ...path)).mode & 0o777;
  assert.deepEqual([mode(), mode(version), mode(version, 'node')], [0o700, 0o700, 0o700]);
  assert.equal(mode(version, 'libduckdb.so'), 0o600);
});

test('it is unpacked once', (t) => {
  const { home, folder } = unpackedHome(t);
  const before = statSync(join(folder, 'hakiri'));
  assertStarts(SMALL.path, { HOME: home });
  assert.equal(statSync(join(folder, 'hakiri')).ino, before.ino);
});

test('permissions that are taken from new files neither hinder it nor are changed', (t) => {
  for (const mask of ['0777', '0177', '0277', '0000']) {
    const home = emptyFolder(t);
    const { stdout, stderr } = run('/bin/sh', ['-c', `umask ${mask}; exec ${SMALL.path} --umask`], {
      env: { HOME: home },
    });
    assert.equal(stdout, `build 1\n${mask}\n`, stderr);
    assert.equal(statSync(cacheIn(home)).mode & 0o777, 0o700);
  }
});

test('a program whose file was removed or replaced since it was started starts', (t) => {
  const file = join(emptyFolder(t), 'hakiri');
  cpSync(SMALL.path, file);
  const script = `exec 3<${file}; rm ${file}; exec /proc/self/fd/3`;
  const { stdout, stderr } = run('/bin/sh', ['-c', script], { env: { HOME: emptyFolder(t) } });
  assert.equal(stdout, 'build 1\n', stderr);
});

test('eight first starts at once unpack one version, and all start', async (t) => {
  const home = emptyFolder(t);
  const children = Array.from({ length: 8 }, () =>
    spawn(RELEASED, ['--help'], { env: { HOME: home }, stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
  assert.deepEqual(codes, Array(8).fill(0));
  assert.equal(contents(cacheIn(home)).length, 1);
});

test('when the one that unpacks is killed, another of those that wait does it', async (t) => {
  const home = emptyFolder(t);
  const children = Array.from({ length: 8 }, () =>
    spawn(RELEASED, ['--help'], { env: { HOME: home }, stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  const ends = children.map(async (child) => (await once(child, 'exit'))[1]);
  const until = Date.now() + 10_000;
  const unpacks = () => existsSync(join(cacheIn(home), '.unfinished/node'));
  while (!unpacks() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 1));
  const holder = children.find(({ pid }) => pid === holderOf(join(cacheIn(home), '.lock')));
  assert.ok(holder?.kill('SIGKILL'));
  const signals = (await Promise.all(ends)).sort();
  assert.deepEqual(signals, ['SIGKILL', ...Array(7).fill(null)].sort());
  assert.deepEqual(
    children.map(({ exitCode }) => exitCode).filter((code) => code !== 0),
    [null],
  );
  assert.equal(contents(cacheIn(home)).length, 1);
});

/** The process that has a file locked. */
function holderOf(file: string): number {
  const { ino } = statSync(file);
  const held = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .find((line) => !line.includes('->') && line.includes(` FLOCK `) && line.includes(`:${ino} `));
  return Number(held?.split(/\s+/)[4]);
}

test('what a killed first start left is cleared away', async (t) => {
  const home = emptyFolder(t);
  for (const delayMs of [20, 60, 120]) {
    const child = spawn(RELEASED, ['--help'], { env: { HOME: home }, stdio: 'ignore' });
    setTimeout(() => child.kill('SIGKILL'), delayMs);
    await once(child, 'exit');
  }
  assertStarts(RELEASED, { HOME: home });
  assert.deepEqual(
    contents(cacheIn(home)).map((name) => name.slice(0, 5)),
    ['core-'],
  );
});

test('a file of the cache that is cut short, gone, or another is unpacked again', (t) => {
  const { home, folder } = unpackedHome(t);
  const damages: readonly ((file: string) => void)[] = [
    (file) => truncateSync(file, 100),
    (file) => rmSync(file),
    (file) => chmodSync(file, 0o755),
    (file) => {
      rmSync(file);
      symlinkSync('/dev/null', file);
    },
    (file) => {
      rmSync(file);
      mkdirSync(join(file, 'deep/er'), { recursive: true });
    },
  ];
  for (const damage of damages) {
    damage(join(folder, 'file-3'));
    assertStarts(SMALL.path, { HOME: home });
    assertWhole(folder);
    assert.deepEqual(contents(cacheIn(home)), [SMALL.name]);
  }
});

test('a file that was written to is unpacked again, also when its size and time are as before', (t) => {
  const { home, folder } = unpackedHome(t);
  const file = join(folder, 'file-5');
  const [bytes, { atime, mtime }] = [readFileSync(file), statSync(file)];
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  utimesSync(file, atime, mtime);
  assertStarts(SMALL.path, { HOME: home });
  assertWhole(folder);
});

test('a file that was touched is read once more, and not unpacked again', (t) => {
  const { home, folder } = unpackedHome(t);
  const before = statSync(join(folder, 'file-5'));
  linkSync(join(folder, 'file-5'), join(home, 'backup'));
  assertStarts(SMALL.path, { HOME: home });
  assert.equal(statSync(join(folder, 'file-5')).ino, before.ino);
  const sealed = statSync(join(folder, 'seal')).ctimeMs;
  assertStarts(SMALL.path, { HOME: home });
  assert.equal(statSync(join(folder, 'seal')).ctimeMs, sealed);
});

test('a cache that was copied is used as it is, and a damaged copy is not', (t) => {
  const { folder } = unpackedHome(t);
  const copy = emptyFolder(t);
  mkdirSync(cacheIn(copy), { recursive: true, mode: 0o700 });
  const copied = join(cacheIn(copy), SMALL.name);
  const copyFolder = () => run('/bin/cp', ['-a', folder, copied]);
  copyFolder();
  const { ino } = statSync(join(copied, 'hakiri'));
  assertStarts(SMALL.path, { HOME: copy });
  assert.equal(statSync(join(copied, 'hakiri')).ino, ino);
  rmSync(copied, { recursive: true });
  copyFolder();
  writeFileSync(join(copied, 'file-1'), Buffer.alloc(statSync(join(copied, 'file-1')).size));
  assertStarts(SMALL.path, { HOME: copy });
  assertWhole(copied);
});

test('a seal that is gone, cut short or nonsense means that files are read once more', (t) => {
  const { home, folder } = unpackedHome(t);
  const { ino } = statSync(join(folder, 'hakiri'));
  const seal = join(folder, 'seal');
  const right = readFileSync(seal);
  for (const spoil of [
    () => rmSync(seal),
    () => truncateSync(seal, 24),
    () => writeFileSync(seal, Buffer.alloc(5000, 7)),
  ]) {
    spoil();
    assertStarts(SMALL.path, { HOME: home });
    assert.equal(statSync(join(folder, 'hakiri')).ino, ino);
    assert.ok(readFileSync(seal).equals(right));
  }
});

test('a program that was cut short says so, wherever it was cut', (t) => {
  const home = emptyFolder(t);
  const begin = releasedLauncher().length;
  for (const share of [0, 0.1, 0.9, 0.999_999]) {
    const program = damagedProgram(t, (bytes) =>
      bytes.subarray(0, Math.floor(begin + (bytes.length - begin) * share)),
    );
    assertRefuses(program, { HOME: home }, /is cut short/);
  }
  const longer = damagedProgram(t, (bytes) => Buffer.concat([bytes, Buffer.from('x')]));
  assertRefuses(longer, { HOME: home }, /is cut short/);
  assert.ok(!existsSync(cacheIn(home)));
});

test('a program with a flipped bit starts nothing, and leaves nothing', (t) => {
  const begin = releasedLauncher().length;
  const flip = (at: (length: number) => number) =>
    damagedProgram(t, (bytes) => {
      const place = Math.floor(at(bytes.length));
      bytes[place] = (bytes[place] ?? 0) ^ 0x10;
      return bytes;
    });
  const home = emptyFolder(t);
  for (const share of [0.1, 0.4, 0.8, 0.97]) {
    const program = flip((length) => begin + share * (length - begin));
    assertRefuses(program, { HOME: home }, /damaged: \S+ has another hash/);
    assert.deepEqual(contents(cacheIn(home)), []);
  }
  assertRefuses(
    flip((length) => length - 100),
    { HOME: home },
    /damaged: its index is not what it should be/,
  );
});

test('on a full disk it says so and leaves nothing; with room it starts', needsRoot, (t) => {
  const home = emptyFolder(t);
  const { code, stdout, stderr } = runWithMounts(
    `mount -t tmpfs -o size=500k none ${home}
     code=0; ${SMALL.path} --help >/dev/null || code=$?
     find ${home} -type f -size +0; ls -A ${home}/.cache/hakiri
     mount -o remount,size=5m ${home}
     ${SMALL.path} --help; exit $code`,
    { HOME: home },
  );
  assert.match(stderr, /there is no room left in \S+ to unpack to\nhint: Free some/);
  assert.equal(stdout, '.lock\nbuild 1\n');
  assert.equal(code, NOT_STARTED);
});

test('a frame that holds more than its size is refused before it fills a disk', needsRoot, async (t) => {
  const folder = emptyFolder(t);
  writeFileSync(join(folder, 'zeros'), Buffer.alloc(50_000_000));
  const files = [describeFile(folder, 'zeros')];
  const bomb = await programOf(folder, SMALL.name, files);
  const [program, home] = [join(folder, 'hakiri'), emptyFolder(t)];
  writeFileSync(
    program,
    withIndex(bomb, (index) => index.replace(' 50000000 ', ' 10000 ')),
    { mode: 0o755 },
  );
  const { code, stderr } = runWithMounts(`mount -t tmpfs -o size=1m none ${home}; exec ${program}`, {
    HOME: home,
  });
  assert.match(stderr, /damaged: zeros has another hash/);
  assert.equal(code, NOT_STARTED);
});

test('without the memory to unpack with it says so', (t) => {
  const script = `ulimit -v 60000; exec ${RELEASED} --help`;
  const { code, stderr } = run('/bin/sh', ['-c', script], { env: { HOME: emptyFolder(t) } });
  assert.match(stderr, /there is no memory left to unpack with\nhint: Free some/);
  assert.equal(code, NOT_STARTED);
});

test('where no file can be locked it says so', (t) => {
  const withoutLocks = compileTool('without-locks', programs);
  const { code, stderr } = run(withoutLocks, [SMALL.path], { env: { HOME: emptyFolder(t) } });
  assert.match(stderr, /\.lock cannot be locked: No locks available\nhint: .* on a local disk\.\n$/);
  assert.equal(code, NOT_STARTED);
});

test('links in the cache are replaced, and what they lead to is left alone', (t) => {
  const { home, folder } = unpackedHome(t);
  const elsewhere = emptyFolder(t);
  writeFileSync(join(elsewhere, 'letter'), 'dear');
  for (const name of ['.unfinished', '.old']) symlinkSync(elsewhere, join(cacheIn(home), name));
  rmSync(folder, { recursive: true });
  symlinkSync(elsewhere, folder);
  assertStarts(SMALL.path, { HOME: home });
  assertWhole(folder);
  assert.deepEqual(contents(cacheIn(home)), [SMALL.name]);
  assert.deepEqual(readdirSync(elsewhere), ['letter']);
  rmSync(folder, { recursive: true });
  rmSync(join(cacheIn(home), '.lock'));
  symlinkSync(join(elsewhere, 'letter'), join(cacheIn(home), '.lock'));
  assertRefuses(SMALL.path, { HOME: home }, /\.lock cannot be opened: Too many levels of symbolic links/);
});
