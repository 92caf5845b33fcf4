import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { seededRandom, TEST_SEED } from '../../test/support/random.ts';
import { writeChecksums } from '../src/checksums.ts';
import { ROOT } from '../src/paths.ts';
import { sha256 } from '../src/payload.ts';
import { LIST } from '../src/release-list.ts';
import {
  busyboxTools,
  emptyHome,
  type Home,
  pathWith,
  pathWithShim,
  SHELLS,
  whereIs,
} from './support/installer.ts';
import { emptyFolder, needsRoot, type Outcome, run, runWithMounts } from './support/released.ts';
import { INSTALLER, writeSampleRelease } from './support/sample-release.ts';

const NOBODY = 65_534;

function sumOf(release: string, name = 'hakiri'): string {
  return sha256(readFileSync(join(release, name)));
}

/** What it should have said; the rest of its output where it did not. */
function assertOutcome({ code, stdout, stderr }: Outcome, expected: number, said: RegExp): void {
  assert.match(`${stdout}${stderr}`, said);
  assert.equal(code, expected, `${stdout}${stderr}`);
}

function assertNothingInstalled(home: Home): void {
  assert.deepEqual(
    home.files().filter((name) => !name.startsWith('.cache/')),
    [],
  );
}

/** The program is the release's, on record, and nothing unfinished lies about. */
function assertInstalled(home: Home, release: string): void {
  assert.equal(home.installed(), sumOf(release));
  assert.deepEqual(
    home.files().filter((name) => !name.startsWith('.cache/')),
    ['.local/bin/hakiri', '.local/share/hakiri/install', '.local/share/hakiri/install.sh'],
  );
  const recorded = home.record().map((line) => line.split(' '));
  assert.deepEqual(recorded.map(([sum, , , profile]) => [profile, sum]).sort(), [
    ['full', sumOf(release)],
    ['script', sumOf(release, 'install.sh')],
  ]);
}

async function sample(t: TestContext, version: string, remark = ''): Promise<string> {
  return writeSampleRelease(emptyFolder(t), { version, remark });
}

async function installedHome(t: TestContext, release: string): Promise<Home> {
  const home = emptyHome(t);
  assertOutcome(await home.run(['--from', release]), 0, /installed/);
  return home;
}

for (const shell of SHELLS) {
  const name = shell.join(' ');

  test(`${name}: installs, does nothing twice, upgrades, refuses to downgrade, and uninstalls itself`, async (t) => {
    const home = emptyHome(t);
    const [older, newer] = [await sample(t, '1.9.0'), await sample(t, '1.10.0')];
    // From beside the script.
    const from = (release: string) => ({ shell, script: join(release, 'install.sh') });

    assertOutcome(
      await home.run([], from(older)),
      0,
      /the checksum is right: [0-9a-f]{64}\ninstalled \S+hakiri \(1\.9\.0, /,
    );
    assertInstalled(home, older);
    assert.equal(statSync(home.program).mode & 0o777, 0o755);
    const before = statSync(home.program).ino;
    assertOutcome(await home.run([], from(older)), 0, /is 1\.9\.0 already, and whole: nothing to do/);
    assert.equal(statSync(home.program).ino, before);

    assertOutcome(await home.run([], from(newer)), 0, /upgraded from 1\.9\.0: \S+hakiri \(1\.10\.0, /);
    assertInstalled(home, newer);
    assertOutcome(
      await home.run([], from(older)),
      1,
      /error: \S+ has version 1\.9\.0, which is older than 1\.10\.0 in \S+\nhint: An older program refuses stores .* --allow-downgrade/,
    );
    assertInstalled(home, newer);
    assertOutcome(await home.run(['--allow-downgrade'], from(older)), 0, /downgraded \S+hakiri \(1\.9\.0, /);
    assertInstalled(home, older);

    const kept = join(home.folder, '.local/share/hakiri/install.sh');
    assertOutcome(
      await home.run(['--uninstall'], { shell, script: kept }),
      0,
      /what you made with it stays: the \.hakiri folders/,
    );
    assert.deepEqual(home.files(), []);
    assert.ok(!existsSync(join(home.folder, '.cache/hakiri')));
    assertOutcome(await home.run(['--uninstall'], { shell }), 0, /nothing is installed/);
  });

  test(`${name}: a script that arrives cut short does nothing (HAKIRI_SEED=${TEST_SEED})`, async (t) => {
    const home = emptyHome(t);
    const release = await sample(t, '1.0.0');
    const script = readFileSync(INSTALLER);
    const lastLine = script.lastIndexOf('\n', -2);
    const random = seededRandom(TEST_SEED);
    const cuts = [
      ...Array.from({ length: 20 }, () => random.below(lastLine)),
      // All of the last line but its line break.
      ...Array.from({ length: script.length - 2 - lastLine }, (_, i) => lastLine + i),
    ];
    const [file = '', ...words] = shell;
    for (const cut of cuts) {
      const piped = spawnSync(file, [...words, '-s', '--', '--from', release], {
        env: home.env,
        input: script.subarray(0, cut),
      });
      assert.equal(piped.stdout.toString(), '', `cut at ${cut}`);
      assert.deepEqual(home.files(), [], `cut at ${cut}`);
    }
    const [option, ...whole] = ['-s', '--', '--from', release];
    assertOutcome(await home.run(whole, { shell, script: option ?? '', input: script }), 0, /installed/);
    assertInstalled(home, release);
  });

  test(`${name}: versions are in the order of semver`, async (t) => {
    const inOrder = [
      '0.9.0',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
    ];
    inOrder.push(
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.10',
      '1.2.0',
      '1.10.0',
      '99999999999999999999.0.0',
    );
    const definitions = readFileSync(INSTALLER, 'utf8').trimEnd().split('\n').slice(0, -1).join('\n');
    const script = join(emptyFolder(t), 'versions.sh');
    writeFileSync(
      script,
      `${definitions}
for a in "$@"; do for b in "$@"; do
  if is_older "$a" "$b"; then printf '<'; elif is_older "$b" "$a"; then printf '>'; else printf '='; fi
done; echo; done`,
    );
    const [file = '', ...words] = shell;
    const table = (versions: readonly string[]) =>
      run(whereIs(file) ?? '', [...words, script, ...versions], { env: { PATH: process.env.PATH ?? '' } })
        .stdout;
    const expected = inOrder.map((_, i) =>
      inOrder.map((_other, j) => (i < j ? '<' : i > j ? '>' : '=')).join(''),
    );
    assert.equal(table(inOrder), `${expected.join('\n')}\n`);
    assert.equal(table(['1.0.0+one', '1.0.0+two']), '==\n==\n');
  });
}

test('shellcheck has nothing to say', {
  skip: whereIs('shellcheck') ? false : 'SKIPPED: shellcheck is not installed',
}, () => {
  const { code, stdout } = run(whereIs('shellcheck') ?? '', ['--shell=sh', INSTALLER]);
  assert.deepEqual([code, stdout], [0, '']);
});

test('--help tells every flag, and what is not a flag is refused', async (t) => {
  const home = emptyHome(t);
  const { code, stdout } = await home.run(['--help']);
  assert.equal(code, 0);
  const flags = [...stdout.matchAll(/^ {2}(--[a-z-]+) {2}/gm)].map(([, flag = '']) => flag);
  assert.ok(flags.includes('--allow-downgrade'), stdout);
  const page = readFileSync(join(ROOT, 'docs/installing.md'), 'utf8');
  for (const flag of flags.filter((one) => one !== '--help')) assert.ok(page.includes(`| \`${flag}`), flag);
  for (const [args, said] of [
    [['--profile', 'half'], /there are the profiles core and full, and no half/],
    [['--profile'], /--profile wants a value/],
    [['--quick'], /there is no --quick/],
    [['--version', '../1'], /\.\.\/1 is not a version/],
    [['--uninstall', '--to', '/x'], /with --uninstall there is only --profile/],
    [[], /there is no release beside this script\nhint: Say where it is/],
    [['--from', 'no/folder'], /there is no folder no\/folder/],
  ] as const)
    assertOutcome(await home.run(args), 2, said);
  assertNothingInstalled(home);
});

test('core and full are installed beside each other, and removed one by one', async (t) => {
  const home = emptyHome(t);
  const release = await writeSampleRelease(
    emptyFolder(t),
    { version: '1.0.0' },
    { version: '1.0.0', profile: 'core' },
  );
  await home.run(['--from', release]);
  assertOutcome(await home.run(['--from', release, '--profile=core']), 0, /installed \S+\/hakiri-core/);
  assert.deepEqual(
    home
      .record()
      .map((line) => line.split(' ')[3])
      .sort(),
    ['core', 'full', 'script'],
  );
  assertOutcome(await home.run(['--uninstall', '--profile', 'full']), 0, /removed \S+\/hakiri\n/);
  assert.equal(run(join(home.folder, '.local/bin/hakiri-core'), [], { env: home.env }).code, 0);
  assert.deepEqual(
    home.files().filter((name) => name.startsWith('.cache/hakiri/full-')),
    [],
  );
  await home.run(['--uninstall']);
  assert.deepEqual(home.files(), []);
});

test('another build of the same version replaces it', async (t) => {
  const home = await installedHome(t, await sample(t, '1.0.0', 'one'));
  const other = await sample(t, '1.0.0', 'other');
  assertOutcome(await home.run(['--from', other]), 0, /replaced build [0-9a-f]{16}: \S+hakiri/);
  assertInstalled(home, other);
});

test('a version can be asked for, also of a folder that has several', async (t) => {
  const home = emptyHome(t);
  const releases = emptyFolder(t);
  await writeSampleRelease(releases, { version: '1.2.0' });
  await writeSampleRelease(join(releases, '1.1.0'), { version: '1.1.0' });
  assertOutcome(
    await home.run(['--from', releases, '--version', '1.3.0']),
    1,
    /has version 1\.2\.0, and not 1\.3\.0/,
  );
  assertNothingInstalled(home);
  assertOutcome(await home.run(['--from', releases, '--version', 'v1.1.0']), 0, /installed \S+ \(1\.1\.0/);
  assertOutcome(await home.run(['--from', releases, '--version', '1.2.0']), 0, /upgraded from 1\.1\.0/);
});

test('an upgrade goes where it was installed before, whatever is in the name of the folder', async (t) => {
  const home = emptyHome(t);
  const to = "my programs/it's $HOME";
  const first = await home.run(['--from', await sample(t, '1.0.0'), '--to', to]);
  assertOutcome(first, 0, /is not in PATH\. Add this line/);
  const program = join(home.folder, to, 'hakiri');
  const line = /^ {2}(export PATH=.*)$/m.exec(first.stdout)?.[1] ?? '';
  const found = run('/bin/sh', ['-c', `${line}; command -v hakiri`], { env: { PATH: '/bin' } });
  assert.equal(found.stdout, `${program}\n`);
  const newer = await sample(t, '2.0.0');
  assertOutcome(await home.run(['--from', newer]), 0, /upgraded from 1\.0\.0/);
  assert.equal(sha256(readFileSync(program)), sumOf(newer));
  assert.equal(home.installed(), undefined);
  await home.run(['--uninstall']);
  assert.deepEqual(home.files(), []);
});

test('without a home it says so, and installs where it is told to', async (t) => {
  const home = emptyHome(t);
  const release = await sample(t, '1.0.0');
  assertOutcome(
    await home.run(['--from', release], { env: { HOME: '' } }),
    1,
    /there is no home: HOME is not set/,
  );
  const env = { HOME: '', XDG_DATA_HOME: join(home.folder, 'data') };
  assertOutcome(
    await home.run(['--from', release, '--to', join(home.folder, 'bin')], { env }),
    0,
    /installed/,
  );
  assertOutcome(await home.run(['--uninstall'], { env }), 0, /removed \S+\/bin\/hakiri/);
  assert.deepEqual(home.files(), []);
});

test('root is warned, others are not, and need nothing of root', needsRoot, async (t) => {
  const release = await sample(t, '1.0.0');
  // The folder of the test is its owner's alone.
  chmodSync(release, 0o755);
  const [roots, nobodys] = [emptyHome(t), emptyHome(t)];
  chownSync(nobodys.folder, NOBODY, NOBODY);
  const script = readFileSync(INSTALLER);
  const options = { script: '-s', input: script };
  assertOutcome(await roots.run(['--', '--from', release], options), 0, /^warning: you are root/m);
  const { code, stdout, stderr } = await nobodys.run(['--', '--from', release], { ...options, uid: NOBODY });
  assert.deepEqual([code, stderr], [0, ''], stdout);
  assert.equal(statSync(nobodys.program).uid, NOBODY);
});

test('a wrong or missing checksum, a file that was cut short or is missing install nothing', async (t) => {
  const home = emptyHome(t);
  const cases: readonly (readonly [(release: string) => void, RegExp])[] = [
    [
      (release) => truncateSync(join(release, 'hakiri'), 1000),
      /error: hakiri of \S+ has the checksum \S+, and should/,
    ],
    [
      (release) => writeFileSync(join(release, LIST), 'hakiri-release 1\n'),
      /RELEASE of \S+ has the checksum/,
    ],
    [(release) => writeFileSync(join(release, 'install.sh'), ''), /install\.sh of \S+ has the checksum/],
    [(release) => rmSync(join(release, 'hakiri')), /hakiri cannot be had from/],
    [(release) => rmSync(join(release, 'SHA256SUMS')), /SHA256SUMS cannot be had from/],
    [(release) => withoutSums(release, 'hakiri'), /SHA256SUMS of \S+ has no checksum of hakiri/],
    [(release) => withoutSums(release, LIST), /SHA256SUMS of \S+ has no checksum of RELEASE/],
    [(release) => writeFileSync(join(release, 'SHA256SUMS'), 'not a sum  RELEASE'), /no checksum of RELEASE/],
    [(release) => writeFileSync(join(release, 'SHA256SUMS'), ''), /no checksum of RELEASE/],
  ];
  for (const [spoil, said] of cases) {
    const release = await sample(t, '1.0.0');
    spoil(release);
    assertOutcome(await home.run(['--from', release]), 1, said);
    assertNothingInstalled(home);
    assert.ok(!existsSync(join(home.folder, '.local/bin')), 'no folder is left either');
  }
});

function withoutSums(release: string, name: string): void {
  const file = join(release, 'SHA256SUMS');
  const kept = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !line.endsWith(`  ${name}`));
  writeFileSync(file, kept.join('\n'));
}

test('what the list says of the program is not believed', async (t) => {
  const home = emptyHome(t);
  const change = async (from: RegExp, to: string): Promise<string> => {
    const release = await sample(t, '1.0.0');
    const list = join(release, LIST);
    writeFileSync(list, readFileSync(list, 'utf8').replace(from, to));
    writeChecksums(release);
    return release;
  };
  for (const [from, to, said] of [
    [/full 1\.0\.0/, 'full 1.0.1', /is not the program that RELEASE lists/],
    [/hakiri$/m, '../hakiri', /lists a program with the name \.\.\/hakiri/],
    [/full 1\.0\.0/, 'full latest', /lists a program of the version latest/],
    [
      /hakiri-release 1/,
      'hakiri-release 2',
      /this install\.sh cannot read\nhint: Take the install\.sh that lies there/,
    ],
    [/linux-x64/, 'linux-arm64', /no program of the profile full for linux-x64\nhint: .* for: linux-arm64\./],
  ] as const) {
    assertOutcome(await home.run(['--from', await change(from, to)]), 1, said);
    assertNothingInstalled(home);
  }
});

test('on a platform that is not supported it says what is', async (t) => {
  const home = emptyHome(t);
  const release = await sample(t, '1.0.0');
  const onMachine = (system: string, machine: string) =>
    home.run(['--from', release], {
      env: { PATH: pathWithShim(t, 'uname', `[ "$1" = -s ] && echo ${system} || echo ${machine}`) },
    });
  assertOutcome(
    await onMachine('Darwin', 'arm64'),
    1,
    /does not install on Darwin on arm64\nhint: It installs on Linux on x86-64/,
  );
  assertOutcome(await onMachine('Linux', 'riscv64'), 1, /does not install on Linux on riscv64/);
  assertOutcome(
    await onMachine('Linux', 'aarch64'),
    1,
    /no program of the profile full for linux-arm64\nhint: .* for: linux-x64\./,
  );
  assertNothingInstalled(home);
});

test('a file of somebody else is replaced with --force alone', async (t) => {
  const release = await sample(t, '1.0.0');
  const home = emptyHome(t);
  const folder = emptyFolder(t);
  const elsewhere = join(folder, 'other');
  writeFileSync(elsewhere, 'theirs');
  mkdirSync(join(home.folder, '.local/bin'), { recursive: true });
  const put: readonly (() => void)[] = [
    () => writeFileSync(home.program, '#!/bin/sh\necho theirs\n', { mode: 0o755 }),
    () => writeFileSync(home.program, readFileSync('/bin/true'), { mode: 0o755 }),
    () => symlinkSync(elsewhere, home.program),
    () => symlinkSync(join(home.folder, 'nothing'), home.program),
    () => symlinkSync(folder, home.program),
  ];
  for (const one of put) {
    rmSync(home.program, { force: true });
    one();
    const before = lookAt(home.program);
    assertOutcome(
      await home.run(['--from', release]),
      1,
      /hakiri is there already, and is (a link|not what)[\s\S]*--force/,
    );
    assert.equal(lookAt(home.program), before);
    assertOutcome(await home.run(['--from', release, '--force']), 0, /replaced/);
    assertInstalled(home, release);
    await home.run(['--uninstall']);
  }
  assert.deepEqual(readdirSync(folder), ['other']);
  assert.equal(readFileSync(elsewhere, 'utf8'), 'theirs');
});

/** What a file holds, or where a link leads. */
function lookAt(path: string): string {
  return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : readFileSync(path, 'latin1');
}

test('where a folder or something else lies in the place of the program, nothing is installed', async (t) => {
  const release = await sample(t, '1.0.0');
  const home = emptyHome(t);
  mkdirSync(home.program, { recursive: true });
  assertOutcome(await home.run(['--from', release, '--force']), 1, /hakiri is there, and no file/);
  rmSync(home.program, { recursive: true });
  spawnSync('mkfifo', [home.program]);
  assertOutcome(await home.run(['--from', release, '--force']), 1, /hakiri is there, and no file/);
  const file = join(home.folder, 'file');
  writeFileSync(file, '');
  assertOutcome(
    await home.run(['--from', release, '--to', file]),
    1,
    /there is no folder \S+file, and it cannot be made/,
  );
});

test('a program that was damaged is installed again, one that was replaced by a script is not', async (t) => {
  const release = await sample(t, '1.0.0');
  const home = await installedHome(t, release);
  for (const size of [20_000, 0]) {
    truncateSync(home.program, size);
    assertOutcome(await home.run(['--from', release]), 0, /repaired [\s\S]*is damaged: it is not what was/);
    assertInstalled(home, release);
  }
  writeFileSync(home.program, '#!/bin/sh\nexec hakiri-core "$@"\n');
  assertOutcome(await home.run(['--from', release]), 1, /is not what this script installed/);
});

test('a program that does not start is told, and does not take the place of one that did', async (t) => {
  const broken = await writeSampleRelease(emptyFolder(t), { version: '1.1.0', exitCode: 1 });
  const home = emptyHome(t);
  assertOutcome(await home.run(['--from', broken]), 0, /warning: it does not start here/);
  assertInstalled(home, broken);
  await home.run(['--uninstall']);
  const works = await sample(t, '1.0.0');
  await home.run(['--from', works]);
  assertOutcome(await home.run(['--from', broken]), 1, /it does not start here, so that 1\.0\.0 stays/);
  assertInstalled(home, works);
  const nowhere = { XDG_CACHE_HOME: '/proc', TMPDIR: '/proc', HOME: '/proc', XDG_DATA_HOME: home.folder };
  const to = ['--to', join(home.folder, 'bin')];
  assertOutcome(
    await home.run(['--from', works, ...to], { env: nowhere }),
    0,
    /it does not start here: error\[release\.not_started\]: there is no folder to unpack to/,
  );
});

test('what was changed since it was installed is named, and not removed', async (t) => {
  const home = await installedHome(t, await sample(t, '1.0.0'));
  writeFileSync(home.program, 'mine now');
  assertOutcome(
    await home.run(['--uninstall']),
    0,
    /warning: \S+hakiri was changed since it was installed, and stays/,
  );
  assert.deepEqual(home.files(), ['.local/bin/hakiri']);
});

test('uninstalling removes nothing but what is on record, and the cache', async (t) => {
  const home = await installedHome(t, await sample(t, '1.0.0'));
  const others = [
    '.cache/hakiri/full-notes/note',
    '.cache/hakiri/notes',
    '.local/bin/other',
    'project/.hakiri/keys/key',
  ];
  for (const name of others) {
    mkdirSync(join(home.folder, name, '..'), { recursive: true });
    writeFileSync(join(home.folder, name), '');
  }
  assertOutcome(await home.run(['--uninstall']), 0, /removed/);
  assert.deepEqual(home.files(), others);
});

test('a version that still runs stays in the cache when it is uninstalled', async (t) => {
  const home = await installedHome(t, await sample(t, '1.0.0'));
  const running = spawnSync('/bin/sh', ['-c', `"${home.program}" serve >/dev/null 2>&1 & echo $!`], {
    env: home.env,
  });
  t.after(() => process.kill(Number(running.stdout.toString())));
  const until = Date.now() + 5000;
  const [version = ''] = home.files().filter((name) => name.endsWith('/in-use'));
  const isFree = () =>
    run(whereIs('flock') ?? '', ['--nonblock', join(home.folder, version), '/bin/true']).code === 0;
  while (isFree() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
  assertOutcome(await home.run(['--uninstall']), 0, /full-[0-9a-f]{16} stays: it may still run/);
  assert.ok(existsSync(join(home.folder, version)));
  assert.equal(home.installed(), undefined);
});

test('whatever verifies checksums serves; without anything that does, nothing is installed', async (t) => {
  const release = await sample(t, '1.0.0');
  for (const tool of ['sha256sum', 'shasum', 'openssl', 'busybox'].filter((one) => whereIs(one))) {
    const home = emptyHome(t);
    assertOutcome(await home.run(['--from', release], { env: { PATH: pathWith(t, tool) } }), 0, /installed/);
    assertInstalled(home, release);
  }
  const home = emptyHome(t);
  assertOutcome(
    await home.run(['--from', release], { env: { PATH: pathWith(t) } }),
    1,
    /checksums cannot be verified here\nhint: Install one of/,
  );
  assertNothingInstalled(home);
});

test('where every tool is busybox, as on small machines, it works the same', {
  skip: whereIs('busybox') ? false : 'SKIPPED: busybox is not installed',
}, async (t) => {
  const home = emptyHome(t);
  const options = { shell: ['busybox', 'sh'], env: { PATH: pathWith(t, ...busyboxTools(), 'busybox') } };
  assertOutcome(await home.run(['--from', await sample(t, '1.0.0')], options), 0, /installed/);
  const newer = await sample(t, '1.0.1');
  assertOutcome(await home.run(['--from', newer], options), 0, /upgraded from 1\.0\.0/);
  assertInstalled(home, newer);
  assertOutcome(await home.run(['--uninstall'], options), 0, /removed \S+\/\.cache\/hakiri\n/);
  assert.deepEqual(home.files(), []);
});

test('without flock it installs too', async (t) => {
  const release = await sample(t, '1.0.0');
  const home = emptyHome(t);
  const path = pathWith(t, 'sha256sum');
  rmSync(join(path, 'flock'));
  const options = { env: { PATH: path } };
  assertOutcome(await home.run(['--from', release], options), 0, /installed/);
  assertInstalled(home, release);
  // Nobody can tell there whether it runs.
  assertOutcome(await home.run(['--uninstall'], options), 0, /full-[0-9a-f]{16} stays: it may still run/);
  assert.equal(home.installed(), undefined);
});

test('a target without room, read-only, or without programs is told', needsRoot, async (t) => {
  const release = await sample(t, '1.0.0');
  const home = emptyHome(t);
  mkdirSync(join(home.folder, '.local/bin'), { recursive: true });
  mkdirSync(join(home.folder, '.local/share'), { recursive: true });
  const mounted = (options: string, at: string): Outcome =>
    runWithMounts(
      `mount -t tmpfs -o ${options} none ${join(home.folder, at)}
       code=0; sh ${INSTALLER} --from ${release} || code=$?
       find ${join(home.folder, '.local')} -name '*hakiri*' -type f; exit $code`,
      home.env,
    );
  const full = mounted('size=256k', '.local/bin');
  assertOutcome(full, 1, /there is no room in \S+: 2 MB are needed, 0 MB are free/);
  assert.equal(full.stdout, '');
  const readOnly = mounted('ro', '.local/bin');
  assertOutcome(
    readOnly,
    1,
    /\.local\/bin cannot be written\nhint: Say where to: --to FOLDER\. No root is needed/,
  );
  const readOnlyRecord = mounted('ro', '.local/share');
  assertOutcome(readOnlyRecord, 1, /share\/hakiri cannot be written\nhint: XDG_DATA_HOME says/);
  assert.equal(readOnlyRecord.stdout, '');
  const noPrograms = mounted('noexec', '.local/bin');
  assertOutcome(
    noPrograms,
    0,
    /warning: it cannot be run from \S+ \(a file system mounted noexec\?\): Permission denied/,
  );
  assert.match(noPrograms.stdout, /\.local\/bin\/hakiri$/m);
});

test('where a record cannot be kept, nothing is installed', needsRoot, async (t) => {
  const release = await sample(t, '1.0.0');
  const home = emptyHome(t);
  mkdirSync(join(home.folder, '.local/share'), { recursive: true });
  const { code, stdout, stderr } = runWithMounts(
    `mount -t tmpfs -o size=8k none ${home.folder}/.local/share
     head -c 8192 /dev/zero >${home.folder}/.local/share/full || :
     code=0; sh ${INSTALLER} --from ${release} || code=$?
     ls ${home.folder}/.local/bin || :; exit $code`,
    home.env,
  );
  assert.match(stderr, /hakiri(\/install)? cannot be written\nhint: /);
  assert.deepEqual([code, stdout.includes('hakiri\n')], [1, false]);
});
