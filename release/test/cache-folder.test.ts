import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { emptyFolder, needsRoot, releasedProgram, runWithMounts } from './support/released.ts';
import { smallProgram } from './support/small-program.ts';
import { assertRefuses, assertStarts, cacheIn, contents, NOT_STARTED } from './support/starting.ts';

const RELEASED = releasedProgram('core');
const programs = mkdtempSync(join(tmpdir(), 'hakiri-release-'));
chmodSync(programs, 0o755);
after(() => rmSync(programs, { recursive: true, force: true }));
const SMALL = (await smallProgram(programs, 1)).path;
const NOBODY = 65_534;
/** No name has it. */
const STRANGER = 54_321;

/** What is unpacked to a temporary folder is so in a folder that tells whose it is. */
const OWN = `hakiri-${process.getuid?.()}`;

/** The folder above those that are made is one that the stranger can reach. */
function folderForStranger(t: TestContext): string {
  const folder = emptyFolder(t);
  chownSync(folder, STRANGER, STRANGER);
  return folder;
}

function startAsStranger(env: Readonly<Record<string, string>>, program = SMALL, args = ['--help']) {
  const options = { uid: STRANGER, gid: STRANGER, env, encoding: 'utf8', cwd: '/' } as const;
  const { status, stdout, stderr } = spawnSync(program, args, options);
  return { code: status, stdout, stderr };
}

test('without a home, or with one that cannot be written, the temporary folder serves', (t) => {
  const TMPDIR = emptyFolder(t);
  for (const home of [{}, { HOME: '' }, { HOME: '/proc' }, { HOME: '/no/such/home' }, { HOME: 'relative' }])
    assertStarts(SMALL, { ...home, TMPDIR });
  assert.deepEqual(readdirSync(TMPDIR), [OWN]);
  assert.equal(statSync(join(TMPDIR, OWN)).mode & 0o777, 0o700);
});

test('a cache that is not named by an absolute path is not taken', (t) => {
  for (const XDG_CACHE_HOME of ['', 'relative', './here', '~/.cache']) {
    const home = emptyFolder(t);
    assertStarts(SMALL, { HOME: home, XDG_CACHE_HOME });
    assert.equal(contents(cacheIn(home)).length, 1);
  }
});

test('without any folder that can be written it says so', (t) => {
  assertRefuses(SMALL, { TMPDIR: '/proc' }, /there is no folder to unpack to: .* can be made/);
  const file = join(emptyFolder(t), 'file');
  writeFileSync(file, '');
  assertRefuses(SMALL, { TMPDIR: file }, /can be made \(Not a directory\)/);
  assertRefuses(SMALL, { TMPDIR: `/${'long/'.repeat(2000)}` }, /TMPDIR is too long/);
});

test('a name of a folder does no harm to a terminal', (t) => {
  assertRefuses(SMALL, { TMPDIR: join(emptyFolder(t), 'a\n\x1b[2Jb') }, /a\?\?\[2Jb/);
});

test('a home may have any name', (t) => {
  const TMPDIR = emptyFolder(t);
  const home = join(emptyFolder(t), "two words\nünd 'more'");
  mkdirSync(home);
  assertStarts(RELEASED, { HOME: home, TMPDIR });
  assert.equal(contents(cacheIn(home)).length, 1);
  assert.deepEqual(readdirSync(TMPDIR), []);
});

test('the unpacked program starts from a folder of any name but one that the loader takes for two', (t) => {
  const folder = emptyFolder(t);
  const [plain, listed] = [join(folder, 'two words'), join(folder, 'one:two')];
  cpSync(`${RELEASED}-unpacked`, plain, { recursive: true });
  assertStarts(join(plain, 'hakiri'), {});
  renameSync(plain, listed);
  assertRefuses(join(listed, 'hakiri'), {}, /the loader cannot be told of \S+one:two/);
});

test('a home whose name the loader would take for two is passed over', (t) => {
  const TMPDIR = emptyFolder(t);
  for (const name of ['one:two', 'one;two', '$ORIGIN']) {
    const home = join(emptyFolder(t), name);
    mkdirSync(home);
    assertStarts(RELEASED, { HOME: home, TMPDIR });
    assert.deepEqual(readdirSync(home), []);
    assertRefuses(
      SMALL,
      { TMPDIR: home },
      /no program can be started from \S+: there is : ; or \$ in its path/,
    );
    const linked = join(emptyFolder(t), 'linked');
    symlinkSync(home, linked);
    assertStarts(SMALL, { HOME: linked, TMPDIR });
  }
});

test('a cache that is a link to another folder is used', (t) => {
  const [home, elsewhere] = [emptyFolder(t), emptyFolder(t)];
  symlinkSync(elsewhere, join(home, '.cache'));
  assertStarts(RELEASED, { HOME: home });
  assert.equal(contents(join(elsewhere, 'hakiri')).length, 1);
});

test('a link in the place of the folder itself is not followed: the temporary folder serves', (t) => {
  const [home, elsewhere, TMPDIR] = [emptyFolder(t), emptyFolder(t), emptyFolder(t)];
  mkdirSync(join(home, '.cache'));
  symlinkSync(elsewhere, cacheIn(home));
  assertStarts(SMALL, { HOME: home, TMPDIR });
  assert.deepEqual([readdirSync(elsewhere), readdirSync(TMPDIR)], [[], [OWN]]);
});

test('a cache of someone else is not used: the temporary folder serves', needsRoot, (t) => {
  const [home, TMPDIR] = [emptyFolder(t), emptyFolder(t)];
  mkdirSync(cacheIn(home), { recursive: true, mode: 0o700 });
  chownSync(cacheIn(home), NOBODY, NOBODY);
  assertStarts(SMALL, { HOME: home, TMPDIR });
  assert.deepEqual(contents(cacheIn(home)), []);
  assert.equal(readdirSync(TMPDIR).length, 1);
});

test("nothing is left in someone else's home", needsRoot, (t) => {
  const [home, TMPDIR] = [emptyFolder(t), emptyFolder(t)];
  chownSync(home, NOBODY, NOBODY);
  assertStarts(SMALL, { HOME: home, TMPDIR });
  assert.deepEqual(readdirSync(home), []);
});

test('a temporary folder of someone else, open to others, or a link is refused', needsRoot, (t) => {
  const TMPDIR = emptyFolder(t);
  const own = join(TMPDIR, OWN);
  mkdirSync(own, { mode: 0o700 });
  chownSync(own, NOBODY, NOBODY);
  assertRefuses(SMALL, { TMPDIR }, /belongs to someone else/);
  chownSync(own, 0, 0);
  chmodSync(own, 0o755);
  assertRefuses(SMALL, { TMPDIR }, /may be entered by others/);
  const linked = emptyFolder(t);
  symlinkSync(emptyFolder(t), join(linked, OWN));
  assertRefuses(SMALL, { TMPDIR: linked }, /is a link or belongs to someone else/);
});

test('a folder in which others can exchange what is unpacked is passed over, or refused', needsRoot, (t) => {
  const shared = emptyFolder(t);
  const home = join(shared, 'home');
  mkdirSync(home, { mode: 0o700 });
  const open: readonly (() => void)[] = [
    () => chmodSync(shared, 0o777),
    () => {
      chownSync(shared, 0, STRANGER);
      chmodSync(shared, 0o775);
    },
    () => {
      chmodSync(shared, 0o700);
      chownSync(shared, STRANGER, 0);
    },
  ];
  for (const toOthers of open) {
    const TMPDIR = emptyFolder(t);
    toOthers();
    assertStarts(SMALL, { HOME: home, TMPDIR });
    assert.deepEqual(readdirSync(TMPDIR), [OWN]);
    assertRefuses(
      SMALL,
      { TMPDIR: home },
      /others than you can exchange what is in \S+: programs in it are not run/,
    );
  }
});

test('a folder for everybody in which nobody can exchange what is of others serves', needsRoot, (t) => {
  const TMPDIR = emptyFolder(t);
  chmodSync(TMPDIR, 0o1777);
  const { code, stderr } = startAsStranger({ TMPDIR });
  assert.equal(code, 0, stderr);
  assert.deepEqual(readdirSync(TMPDIR), [`hakiri-${STRANGER}`]);
});

test('a home that the group of its user alone can write serves', needsRoot, (t) => {
  const home = folderForStranger(t);
  mkdirSync(join(home, '.cache'));
  chownSync(join(home, '.cache'), STRANGER, STRANGER);
  chmodSync(join(home, '.cache'), 0o775);
  const { code, stderr } = startAsStranger({ HOME: home });
  assert.equal(code, 0, stderr);
  assert.equal(contents(cacheIn(home)).length, 1);
});

test('a user without a name, and without a home, runs pipelines', needsRoot, (t) => {
  const folder = folderForStranger(t);
  const args = ['run', 'github-issues', '--project', folder];
  // The folder of the release may be one that only its owner can enter.
  const program = join(programs, 'released');
  copyFileSync(RELEASED, program);
  for (const HOME of ['/', '/nonexistent']) {
    const { code, stderr } = startAsStranger({ HOME, TMPDIR: folder }, program, args);
    assert.equal(code, 0, stderr);
  }
});

test('a program that was given the rights of another user is refused', needsRoot, (t) => {
  const folder = emptyFolder(t);
  for (const mode of ['4755', '2755']) {
    const { code, stderr } = runWithMounts(
      `mount -t tmpfs -o mode=755 none ${folder}
       cp ${SMALL} ${folder}/hakiri; chown ${NOBODY}:${NOBODY} ${folder}/hakiri; chmod ${mode} ${folder}/hakiri
       exec setpriv --reuid ${STRANGER} --regid ${STRANGER} --clear-groups ${folder}/hakiri --help`,
      { TMPDIR: '/tmp' },
    );
    assert.match(stderr, /does not run with the rights of another user\nhint: Take the set-user-ID/);
    assert.equal(code, NOT_STARTED);
  }
});

test('from a file system without programs nothing is started, and it says why', needsRoot, (t) => {
  const folder = emptyFolder(t);
  const { code, stderr } = runWithMounts(
    `mount -t tmpfs -o noexec,mode=1777 none ${folder}; exec ${SMALL} --help`,
    { TMPDIR: folder },
  );
  assert.match(stderr, /from which no program may be run \(noexec\)/);
  assert.equal(code, NOT_STARTED);
});

test('a home without programs is passed over for the temporary folder', needsRoot, (t) => {
  const [home, TMPDIR] = [emptyFolder(t), emptyFolder(t)];
  const { code, stderr } = runWithMounts(`mount -t tmpfs -o noexec none ${home}; exec ${SMALL} --help`, {
    HOME: home,
    TMPDIR,
  });
  assert.equal(code, 0, stderr);
  assert.equal(readdirSync(TMPDIR).length, 1);
});
