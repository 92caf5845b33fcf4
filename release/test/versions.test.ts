import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { emptyFolder, releasedProgram, run } from './support/released.ts';
import { smallProgram } from './support/small-program.ts';
import { assertStarts, cacheIn, contents } from './support/starting.ts';

const RELEASED = releasedProgram('core');
const programs = mkdtempSync(join(tmpdir(), 'hakiri-release-'));
after(() => rmSync(programs, { recursive: true, force: true }));
const BUILDS = await Promise.all([1, 2, 3].map((build) => smallProgram(programs, build)));
const [FIRST, SECOND, THIRD] = BUILDS.map(({ path }) => path) as [string, string, string];

/** Something that looks like a version which was used last at that time, in seconds; gives what says that it is in use. */
function olderVersion(home: string, name: string, usedAt: number): string {
  const folder = join(cacheIn(home), name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(cacheIn(home), 0o700);
  copyFileSync('/bin/true', join(folder, 'node'));
  writeFileSync(join(folder, 'in-use'), '');
  utimesSync(join(folder, 'in-use'), usedAt, usedAt);
  return join(folder, 'in-use');
}

test('of older versions the one used last stays, any that still runs, and what is no folder', async (t) => {
  const home = emptyFolder(t);
  const older = (name: string, usedAt: number) => olderVersion(home, name, usedAt);
  older('core-0000000000000001', 1000);
  const running = older('core-0000000000000002', 2000);
  older('core-0000000000000003', 4000);
  older('core-0000000000000004', 3000);
  older('full-0000000000000005', 500);
  mkdirSync(join(cacheIn(home), 'core-notes'));
  const elsewhere = emptyFolder(t);
  writeFileSync(join(elsewhere, 'letter'), 'dear');
  symlinkSync(elsewhere, join(cacheIn(home), 'core-0000000000000006'));
  const holder = spawn('flock', ['--shared', running, 'sh', '-c', 'echo held; exec cat'], {
    stdio: 'pipe',
  });
  t.after(() => holder.kill());
  await once(holder.stdout, 'data');
  assertStarts(FIRST, { HOME: home });
  const kept = contents(cacheIn(home)).filter((name) => /-0+\d$|notes/.test(name));
  assert.deepEqual(kept.sort(), [
    'core-0000000000000002',
    'core-0000000000000003',
    'core-0000000000000006',
    'core-notes',
    'full-0000000000000005',
  ]);
  assert.deepEqual(contents(elsewhere), ['letter']);
});

test('times that lie ahead, after a clock was set back, keep nothing from starting', (t) => {
  const home = emptyFolder(t);
  const inTenYears = Date.now() / 1000 + 10 * 365 * 86_400;
  olderVersion(home, 'core-0000000000000001', inTenYears);
  for (const program of [FIRST, SECOND, THIRD, FIRST]) {
    assertStarts(program, { HOME: home });
    assert.equal(contents(cacheIn(home)).length, 2);
  }
});

test('versions that start at once while each removes the others all start', async (t) => {
  const home = emptyFolder(t);
  for (let round = 0; round < 8; round++) {
    const children = [0, 1, 2, 0, 1, 2].map((i) =>
      spawn(BUILDS[i]?.path ?? '', ['--help'], { env: { HOME: home }, stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    const said = await Promise.all(children.map(({ stdout }) => text(stdout)));
    assert.deepEqual(said, ['build 1\n', 'build 2\n', 'build 3\n', 'build 1\n', 'build 2\n', 'build 3\n']);
  }
  assert.ok(contents(cacheIn(home)).every((name) => BUILDS.some((build) => build.name === name)));
});

test('a version is in use for as long as it runs', async (t) => {
  const home = emptyFolder(t);
  assertStarts(RELEASED, { HOME: home });
  const [version = ''] = contents(cacheIn(home));
  const marker = join(cacheIn(home), version, 'in-use');
  const isFree = () => run('/usr/bin/flock', ['--exclusive', '--nonblock', marker, '/bin/true']).code === 0;
  assert.ok(isFree());
  const child = spawn(RELEASED, ['__engine', 'writer'], {
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

test('also where a process may open few files', async (t) => {
  const home = emptyFolder(t);
  const script = `ulimit -n 32; exec ${FIRST} --wait`;
  const child = spawn('/bin/sh', ['-c', script], { env: { HOME: home }, stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  assertStarts(SECOND, { HOME: home });
  assertStarts(THIRD, { HOME: home });
  const builds = contents(cacheIn(home)).map((name) => name.at(-1));
  child.stdin.end();
  await once(child, 'exit');
  assert.deepEqual(builds.sort(), ['1', '2', '3']);
});
