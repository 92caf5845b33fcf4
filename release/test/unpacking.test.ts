import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { emptyFolder, needsRoot, releasedProgram, run, runWithMounts } from './support/released.ts';

const PROGRAM = releasedProgram('core');
const NOT_STARTED = 70;
const NOBODY = 65_534;

function cacheIn(home: string): string {
  return join(home, '.cache/hakiri');
}

/** Folders of unpacked versions, and whatever else lies there and is not a lock. */
function contents(cache: string): readonly string[] {
  return readdirSync(cache).filter((name) => name !== '.lock');
}

function assertStarts(env: Readonly<Record<string, string>>, program = PROGRAM): void {
  const { code, stdout, stderr } = run(program, ['--help'], { env });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^USAGE\n/);
}

function assertRefuses(env: Readonly<Record<string, string>>, message: RegExp, program = PROGRAM): void {
  const { code, stdout, stderr } = run(program, ['--help'], { env });
  assert.match(stderr, message);
  assert.match(stderr, /^error\[release\.not_started\]: .*\nhint: .*\n$/);
  assert.deepEqual([code, stdout], [NOT_STARTED, '']);
}

function damagedProgram(t: TestContext, damage: (bytes: Buffer) => Buffer): string {
  const file = join(emptyFolder(t), 'hakiri');
  writeFileSync(file, damage(readFileSync(PROGRAM)), { mode: 0o755 });
  return file;
}

test('what is unpacked belongs to the user alone', (t) => {
  const home = emptyFolder(t);
  assertStarts({ HOME: home });
  const [version = ''] = contents(cacheIn(home));
  const mode = (...path: string[]) => statSync(join(cacheIn(home), ...path)).mode & 0o777;
  assert.deepEqual([mode(), mode(version), mode(version, 'node')], [0o700, 0o700, 0o700]);
  assert.equal(mode(version, 'libduckdb.so'), 0o600);
});

test('it is unpacked once', (t) => {
  const home = emptyFolder(t);
  assertStarts({ HOME: home });
  const node = join(cacheIn(home), contents(cacheIn(home))[0] ?? '', 'node');
  const before = statSync(node);
  assertStarts({ HOME: home });
  assert.equal(statSync(node).ino, before.ino);
});

test('eight first starts at once unpack one version, and all start', async (t) => {
  const home = emptyFolder(t);
  const children = Array.from({ length: 8 }, () =>
    spawn(PROGRAM, ['--help'], { env: { HOME: home }, stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
  assert.deepEqual(codes, Array(8).fill(0));
  assert.equal(contents(cacheIn(home)).length, 1);
});

test('what a killed first start left is cleared away', async (t) => {
  const home = emptyFolder(t);
  for (const delayMs of [20, 60, 120]) {
    const child = spawn(PROGRAM, ['--help'], { env: { HOME: home }, stdio: 'ignore' });
    setTimeout(() => child.kill('SIGKILL'), delayMs);
    await once(child, 'exit');
  }
  assertStarts({ HOME: home });
  assert.deepEqual(
    contents(cacheIn(home)).map((name) => name.slice(0, 5)),
    ['core-'],
  );
});

test('a file of the cache that is cut short is unpacked again', (t) => {
  const home = emptyFolder(t);
  assertStarts({ HOME: home });
  const [version = ''] = contents(cacheIn(home));
  truncateSync(join(cacheIn(home), version, 'hakiri.cjs'), 100);
  assertStarts({ HOME: home });
  assert.deepEqual(contents(cacheIn(home)), [version]);
});

test('a program that was cut short says so, wherever it was cut', (t) => {
  const home = emptyFolder(t);
  for (const share of [0.3, 0.9, 0.999_999_99]) {
    const program = damagedProgram(t, (bytes) => bytes.subarray(0, Math.floor(bytes.length * share)));
    assertRefuses({ HOME: home }, /is cut short/, program);
  }
  const longer = damagedProgram(t, (bytes) => Buffer.concat([bytes, Buffer.from('x')]));
  assertRefuses({ HOME: home }, /is cut short/, longer);
  assert.ok(!existsSync(cacheIn(home)));
});

test('a program with a flipped bit starts nothing, and leaves nothing', (t) => {
  const flip = (share: number) =>
    damagedProgram(t, (bytes) => {
      const at = Math.floor(bytes.length * share);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      return bytes;
    });
  const home = emptyFolder(t);
  for (const share of [0.1, 0.4, 0.8, 0.97]) {
    assertRefuses({ HOME: home }, /damaged: \S+ has another hash/, flip(share));
    assert.deepEqual(contents(cacheIn(home)), []);
  }
  const index = damagedProgram(t, (bytes) => {
    const at = bytes.length - 100;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  });
  assertRefuses({ HOME: home }, /damaged: its index is not what it should be/, index);
});

test('without a home, or with one that cannot be written, the temporary folder serves', (t) => {
  const TMPDIR = emptyFolder(t);
  for (const home of [{}, { HOME: '/proc' }, { HOME: '/no/such/home' }, { HOME: 'relative' }])
    assertStarts({ ...home, TMPDIR });
  const [own = ''] = readdirSync(TMPDIR);
  assert.equal(own, `hakiri-${process.getuid?.()}`);
  assert.equal(statSync(join(TMPDIR, own)).mode & 0o777, 0o700);
});

test('without any folder that can be written it says so', () => {
  assertRefuses({ TMPDIR: '/proc' }, /there is no folder to unpack to/);
});

test('a cache of someone else is not used: the temporary folder serves', needsRoot, (t) => {
  const [home, TMPDIR] = [emptyFolder(t), emptyFolder(t)];
  mkdirSync(cacheIn(home), { recursive: true, mode: 0o700 });
  chownSync(cacheIn(home), NOBODY, NOBODY);
  assertStarts({ HOME: home, TMPDIR });
  assert.deepEqual(contents(cacheIn(home)), []);
  assert.equal(readdirSync(TMPDIR).length, 1);
});

test("nothing is left in someone else's home", needsRoot, (t) => {
  const [home, TMPDIR] = [emptyFolder(t), emptyFolder(t)];
  chownSync(home, NOBODY, NOBODY);
  assertStarts({ HOME: home, TMPDIR });
  assert.deepEqual(readdirSync(home), []);
});

test('a temporary folder of someone else, open to others, or a link is refused', needsRoot, (t) => {
  const TMPDIR = emptyFolder(t);
  const own = join(TMPDIR, `hakiri-${process.getuid?.()}`);
  mkdirSync(own, { mode: 0o700 });
  chownSync(own, NOBODY, NOBODY);
  assertRefuses({ TMPDIR }, /belongs to someone else/);
  chownSync(own, 0, 0);
  chmodSync(own, 0o755);
  assertRefuses({ TMPDIR }, /may be entered by others/);
  const linked = emptyFolder(t);
  symlinkSync(emptyFolder(t), join(linked, `hakiri-${process.getuid?.()}`));
  assertRefuses({ TMPDIR: linked }, /belongs to someone else/);
});

test('from a file system without programs nothing is started, and it says why', needsRoot, (t) => {
  const folder = emptyFolder(t);
  const { code, stderr } = runWithMounts(
    `mount -t tmpfs -o noexec,mode=1777 none ${folder}; exec ${PROGRAM} --help`,
    { TMPDIR: folder },
  );
  assert.match(stderr, /from which no program may be run \(noexec\)/);
  assert.equal(code, NOT_STARTED);
});

test('a home without programs is passed over for the temporary folder', needsRoot, (t) => {
  const [home, TMPDIR] = [emptyFolder(t), emptyFolder(t)];
  const { code, stderr } = runWithMounts(`mount -t tmpfs -o noexec none ${home}; exec ${PROGRAM} --help`, {
    HOME: home,
    TMPDIR,
  });
  assert.equal(code, 0, stderr);
  assert.equal(readdirSync(TMPDIR).length, 1);
});

test('on a full disk it says so and leaves nothing; with room it starts', needsRoot, (t) => {
  const home = emptyFolder(t);
  const { code, stdout, stderr } = runWithMounts(
    `mount -t tmpfs -o size=100m none ${home}
     code=0; ${PROGRAM} --help >/dev/null || code=$?
     find ${home} -type f -size +0; ls -A ${home}/.cache/hakiri
     mount -o remount,size=400m ${home}
     ${PROGRAM} --help | head -n 1; exit $code`,
    { HOME: home },
  );
  assert.match(stderr, /there is no room left in \S+ to unpack to\nhint: Free some/);
  assert.equal(stdout, '.lock\nUSAGE\n');
  assert.equal(code, NOT_STARTED);
});

test('of older versions the one used last stays, and any that still runs', async (t) => {
  const home = emptyFolder(t);
  const older = (name: string, usedAt: number): string => {
    const folder = join(cacheIn(home), name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    copyFileSync('/bin/true', join(folder, 'node'));
    writeFileSync(join(folder, 'in-use'), '');
    utimesSync(join(folder, 'in-use'), usedAt, usedAt);
    return join(folder, 'in-use');
  };
  older('core-0000000000000001', 1000);
  const running = older('core-0000000000000002', 2000);
  older('core-0000000000000003', 4000);
  older('core-0000000000000004', 3000);
  older('full-0000000000000005', 500);
  mkdirSync(join(cacheIn(home), 'core-notes'));
  chmodSync(cacheIn(home), 0o700);
  const holder = spawn('flock', ['--shared', running, 'sh', '-c', 'echo held; exec sleep 30'], {
    stdio: 'pipe',
  });
  t.after(() => holder.kill());
  await once(holder.stdout, 'data');
  assertStarts({ HOME: home });
  const kept = contents(cacheIn(home)).filter((name) => /-0+\d$|notes/.test(name));
  assert.deepEqual(kept.sort(), [
    'core-0000000000000002',
    'core-0000000000000003',
    'core-notes',
    'full-0000000000000005',
  ]);
});

test('a version is in use for as long as it runs', async (t) => {
  const home = emptyFolder(t);
  assertStarts({ HOME: home });
  const [version = ''] = contents(cacheIn(home));
  const marker = join(cacheIn(home), version, 'in-use');
  const isFree = () => run('/usr/bin/flock', ['--exclusive', '--nonblock', marker, '/bin/true']).code === 0;
  assert.ok(isFree());
  const child = spawn(PROGRAM, ['__engine', 'writer'], {
    env: { HOME: home },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const until = Date.now() + 5000;
  while (isFree() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(!isFree());
  child.stdin.end();
  await once(child, 'exit');
  assert.ok(isFree());
});
