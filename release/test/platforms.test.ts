import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nativePackages } from '../src/native-files.ts';
import { fetchPackage, specifier } from '../src/packages.ts';
import { RELEASE } from '../src/paths.ts';
import { describeFile } from '../src/payload.ts';
import { PLATFORMS, platformOf } from '../src/platform.ts';
import { prepare } from '../src/prepare.ts';
import { keepOnly, MACH_CPU } from '../src/thin.ts';
import { zipFolder } from '../src/zip.ts';
import { emptyFolder, type Outcome, releasedProgram, run } from './support/released.ts';

const PATH = process.env.PATH ?? '';
/** Of any start of what lies unpacked. */
const MOST_MILLISECONDS = 200;

/** A zip with everything in the folder, as a release for a platform that is packed so has it. */
async function zipOf(t: TestContext, folder: string, name: string): Promise<string> {
  const file = join(emptyFolder(t), `${name}.zip`);
  const files = readdirSync(folder).map((one) => describeFile(folder, one));
  writeFileSync(file, (await zipFolder(folder, name, files)).bytes);
  return file;
}

function unzip(args: readonly string[]): string {
  const { code, stdout, stderr } = run('unzip', args, { env: { PATH } });
  assert.equal(code, 0, `unzip ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** Names, sizes and times of all that is in a folder. */
function contents(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .sort();
}

/** Of several starts the fastest: what the machine needs when nothing else runs. */
function fastestStart(start: () => Outcome): number {
  const times = Array.from({ length: 7 }, () => {
    const before = performance.now();
    assert.equal(start().code, 0);
    return performance.now() - before;
  });
  return Math.min(...times);
}

test('a zip is unpacked to files that start as they are, at once, and write nothing of their own', async (t) => {
  const zip = await zipOf(t, `${releasedProgram('core')}-unpacked`, 'hakiri-core-linux-x64');
  const folder = emptyFolder(t);
  unzip(['-q', zip, '-d', folder]);
  assert.deepEqual(readdirSync(folder), ['hakiri-core-linux-x64']);
  const unpacked = join(folder, 'hakiri-core-linux-x64');
  const before = contents(folder);
  const home = emptyFolder(t);
  const env = { HOME: home, TMPDIR: home };
  const help = () => run(join(unpacked, 'hakiri'), ['--help'], { env, cwd: home });
  const milliseconds = fastestStart(help);
  assert.match(help().stdout, /^USAGE\n/);
  assert.ok(milliseconds <= MOST_MILLISECONDS, `${milliseconds} ms`);
  assert.deepEqual(contents(folder), before);
  assert.deepEqual(readdirSync(home), []);
});

test('the start script finds its folder through links, and the program starts its children without it', (t) => {
  const released = `${releasedProgram('core')}-unpacked`;
  const folder = join(emptyFolder(t), 'a folder');
  mkdirSync(folder);
  // As on a platform whose compiled code cannot be made where releases are built, and with the machine's libraries.
  for (const name of ['node', 'boot.cjs', 'hakiri.cjs', 'duckdb.node', 'libduckdb.so'])
    copyFileSync(join(released, name), join(folder, name));
  for (const name of ['release.json', 'release.txt']) copyFileSync(join(released, name), join(folder, name));
  copyFileSync(join(RELEASE, 'zip/hakiri'), join(folder, 'hakiri'));
  chmodSync(join(folder, 'hakiri'), 0o755);
  const before = contents(folder);

  const bin = emptyFolder(t);
  symlinkSync(join(folder, 'hakiri'), join(bin, 'first'));
  symlinkSync('first', join(bin, 'hakiri'));
  const home = emptyFolder(t);
  const env = { HOME: home, PATH: `${bin}:${PATH}`, NODE_OPTIONS: '--no-such-flag', CDPATH: '/' };
  const hakiri = (...args: readonly string[]) => run('hakiri', args, { env, cwd: home });

  assert.match(hakiri('--version').stdout, /^hakiri \S+, profile core, linux-x64\n/);
  const milliseconds = fastestStart(() => hakiri('--help'));
  assert.ok(milliseconds <= MOST_MILLISECONDS, `${milliseconds} ms`);
  const ran = hakiri('run', 'github-issues');
  assert.equal(ran.code, 0, ran.stderr);
  const asked = hakiri('query', 'select count(*) as issues from github_issues', '--format', 'json');
  assert.equal(asked.code, 0, asked.stderr);
  assert.match(asked.stdout, /1200/);
  assert.deepEqual(contents(folder), before);
});

test('the same files give the same zip, with rights and without times', async (t) => {
  const zips = await Promise.all(
    [0o700, 0o755].map(async (rights, i) => {
      const folder = emptyFolder(t);
      const names = i === 0 ? ['b', 'a', 'run'] : ['run', 'a', 'b'];
      for (const name of names) writeFileSync(join(folder, name), name.repeat(100_000));
      chmodSync(join(folder, 'run'), rights);
      chmodSync(join(folder, 'a'), 0o640 - i);
      return zipOf(t, folder, 'small');
    }),
  );
  const [one = '', other = ''] = zips;
  assert.deepEqual(readFileSync(one), readFileSync(other));
  assert.match(unzip(['-t', one]), /No errors detected/);
  const lines = unzip(['-Z', '-T', one]).match(/^-.*$/gm) ?? [];
  assert.deepEqual(
    lines.map((line) => line.replaceAll(/\s+/g, ' ')),
    [
      '-rw-r--r-- 2.0 unx 100000 b- defN 19800101.000000 small/a',
      '-rw-r--r-- 2.0 unx 100000 b- defN 19800101.000000 small/b',
      '-rwxr-xr-x 2.0 unx 300000 b- defN 19800101.000000 small/run',
    ],
  );
});

test('of a file for several processors the part for one is kept, and others are left alone', (t) => {
  const folder = emptyFolder(t);
  const [fat, thin] = [join(folder, 'fat'), join(folder, 'thin')];
  const header = Buffer.alloc(64);
  const numbers = [0xcafe_babe, 2, MACH_CPU.x64, 3, 64, 5, 0, MACH_CPU.arm64, 0, 69, 3, 0];
  for (const [i, number] of numbers.entries()) header.writeUInt32BE(number, 4 * i);
  const bytes = Buffer.concat([header, Buffer.from('intelarm')]);
  for (const [cpu, kept] of [
    [MACH_CPU.x64, 'intel'],
    [MACH_CPU.arm64, 'arm'],
  ] as const) {
    writeFileSync(fat, bytes);
    keepOnly(cpu, fat);
    assert.equal(readFileSync(fat, 'utf8'), kept);
  }
  writeFileSync(thin, 'anything else');
  keepOnly(MACH_CPU.arm64, thin);
  assert.equal(readFileSync(thin, 'utf8'), 'anything else');
});

/** npm's own settings are in variables and in the home. */
const withNpm = process.env as Readonly<Record<string, string>>;

const NOT_HAD = /cannot be had: npm says ETARGET/;

/** A small package that the project does not use. */
const SMALL = { name: 'is-number', version: '7.0.0' };

let reached: boolean | undefined;

/** Skips a test where npm, with this machine's settings, reaches no registry. */
function cannotReach(t: TestContext): boolean {
  if (reached === undefined) {
    const folder = emptyFolder(t);
    const pins = join(folder, 'pins.json');
    writeFileSync(pins, '{}');
    reached = NOT_HAD.test(fetchPackage({ ...SMALL, version: '7.0.99' }, { folder, pins }) ?? '');
  }
  if (!reached) t.skip('SKIPPED: npm reaches no registry');
  return !reached;
}

test('a package is fetched once, pinned, and refused when it is another than was pinned', (t) => {
  if (cannotReach(t)) return;
  const folder = emptyFolder(t);
  const kept = { folder: join(folder, 'packages'), pins: join(folder, 'pins.json') };
  writeFileSync(kept.pins, '{}');
  assert.equal(fetchPackage(SMALL, kept), undefined);
  const pinned = readFileSync(kept.pins, 'utf8');
  assert.match(pinned, /^\{\n {2}"is-number@7\.0\.0": "sha512-[A-Za-z0-9+/]+=="\n\}\n$/);
  assert.ok(existsSync(join(kept.folder, 'is-number@7.0.0/package/index.js')));

  const other = pinned.replace(/sha512-..../, 'sha512-AAAA');
  writeFileSync(kept.pins, other);
  assert.match(fetchPackage(SMALL, kept) ?? '', /^is-number@7\.0\.0 is not what was pinned: /);
  assert.equal(readFileSync(kept.pins, 'utf8'), other);
  rmSync(join(kept.folder, 'is-number@7.0.0'), { recursive: true });
  assert.match(fetchPackage(SMALL, kept) ?? '', /^is-number@7\.0\.0 is not what was pinned: /);
  assert.deepEqual(readdirSync(kept.folder), []);
});

for (const name of PLATFORMS.filter((one) => one !== 'linux-x64')) {
  test(`${name}: without the locked version of a part nothing is built, and the part is named`, (t) => {
    if (cannotReach(t)) return;
    const { duckdb } = nativePackages(platformOf(name));
    if (fetchPackage(duckdb) === undefined) return t.skip(`${specifier(duckdb)} can be had`);
    const outdir = join(emptyFolder(t), 'release');
    const args = [
      join(RELEASE, 'build.ts'),
      '--platform',
      name,
      '--platform',
      'linux-x64',
      '--outdir',
      outdir,
    ];
    const { code, stdout, stderr } = run(process.execPath, args, { env: withNpm });
    assert.deepEqual([code, stdout], [1, '']);
    assert.ok(
      stderr.startsWith(`A release for ${name} cannot be built: ${specifier(duckdb)} cannot be had: `),
    );
    assert.equal(stderr.split('\n').length, 2, stderr);
    assert.ok(!existsSync(outdir));
  });
}

/**
 * Registers the emulator for a new user namespace alone, and runs the command in it. The pattern is the header of a
 * program for arm64.
 */
const WITH_EMULATOR = String.raw`
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf '%s' ':arm64:M::\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:F' >/proc/sys/fs/binfmt_misc/register
exec "$@"`;

test('linux-arm64: the program is static, and runs the sample under an emulator', (t) => {
  const complaint = prepare(platformOf('linux-arm64'));
  if (complaint !== undefined) return t.skip(`SKIPPED: ${complaint}`);
  const [outdir, home] = [emptyFolder(t), emptyFolder(t)];
  const args = ['--platform', 'linux-arm64', '--profile', 'core', '--outdir', outdir];
  const built = run(process.execPath, [join(RELEASE, 'build.ts'), ...args], {
    env: withNpm,
    timeout: 900_000,
  });
  assert.equal(built.code, 0, built.stderr);
  const program = join(outdir, 'hakiri-core-linux-arm64');
  const headers = run('readelf', ['--file-header', '--program-headers', program], { env: { PATH } }).stdout;
  assert.match(headers, /AArch64/);
  assert.doesNotMatch(headers, /INTERP|DYNAMIC/);

  const emulated = ['--user', '--map-root-user', '--mount', 'sh', '-ec', WITH_EMULATOR, 'sh', program];
  const options = { env: { PATH, HOME: home }, cwd: home, timeout: 300_000 };
  const hakiri = (...words: readonly string[]) => run('unshare', [...emulated, ...words], options);
  const ran = hakiri('run', 'github-issues');
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(hakiri('query', 'select count(*) as issues from github_issues').stdout, /1200/);
  assert.match(hakiri('--version').stdout, /^hakiri \S+, profile core, linux-arm64\n/);
});
