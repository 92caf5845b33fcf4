import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { sha256 } from '../src/payload.ts';
import { PROFILES } from '../src/profile.ts';
import { emptyFolder, releasedProgram, run } from './support/released.ts';

for (const profile of PROFILES) {
  const program = releasedProgram(profile);
  const unpacked = `${program}-unpacked`;

  test(`${profile}: the program is static`, () => {
    const { status, stdout, stderr } = spawnSync('ldd', [program], { encoding: 'utf8' });
    assert.notEqual(status, 0);
    assert.match(stdout + stderr, /not a dynamic executable/);
  });

  test(`${profile}: --version tells build, profile, and versions and hashes of what is in it`, (t) => {
    const env = { HOME: emptyFolder(t) };
    const { stdout } = run(program, ['--version', '--json'], { env });
    const release = JSON.parse(stdout);
    assert.equal(release.profile, profile);
    assert.match(release.build, /^[0-9a-f]{64}$/);
    const node = release.components.find(({ name }: { name: string }) => name === 'node');
    assert.equal(`v${node.version}`, process.version);
    const lines = run(program, ['--version'], { env }).stdout.split('\n');
    assert.equal(lines[0], `hakiri ${release.version}, profile ${profile}, linux-x64`);
    assert.ok(lines.includes(`node ${node.version}`));
    const [cached] = readdirSync(join(env.HOME, '.cache/hakiri')).filter((name) => name.startsWith(profile));
    assert.equal(cached, `${profile}-${release.build.slice(0, 16)}`);
    const hashes = { ...release.program, ...node.files };
    for (const [name, digest] of Object.entries(hashes))
      assert.equal(sha256(readFileSync(join(env.HOME, '.cache/hakiri', cached ?? '', name))), digest, name);
  });

  test(`${profile}: the unpacked layout starts from a folder nobody can write, and writes nothing`, (t) => {
    const home = emptyFolder(t);
    const { code, stdout } = run(join(unpacked, 'hakiri'), ['--help'], { env: { HOME: home } });
    assert.deepEqual([code, stdout.slice(0, 6)], [0, 'USAGE\n']);
    assert.deepEqual(readdirSync(home), []);
  });

  test(`${profile}: the runtime takes the cached code`, () => {
    const script = `
      const { readFileSync } = require('node:fs');
      const [source, cachedData] = ['hakiri.cjs', 'hakiri.cache'].map((name) => readFileSync('${unpacked}/' + name));
      const script = new (require('node:vm').Script)(source.toString('latin1'), { cachedData });
      process.stdout.write(String(script.cachedDataRejected));`;
    const { stdout } = run(join(unpacked, 'hakiri'), ['__node', '--eval', script, '--']);
    assert.equal(stdout, 'false');
  });

  test(`${profile}: variables meant for other programs are not taken`, () => {
    const env = { NODE_OPTIONS: '--no-such-flag', LD_PRELOAD: '/no/such.so', LD_LIBRARY_PATH: '/no/such' };
    const { code, stderr } = run(join(unpacked, 'hakiri'), ['--help'], { env });
    assert.deepEqual([code, stderr], [0, '']);
  });

  test(`${profile}: the bill of materials names every package, with its licence`, () => {
    const bom = JSON.parse(readFileSync(`${program}.cdx.json`, 'utf8'));
    assert.equal(bom.metadata.component.hashes[0].content, sha256(readFileSync(program)));
    const names = bom.components.map(({ name }: { name: string }) => name);
    for (const name of ['node', 'duckdb', 'libc6', 'zod', '@stricli/core'])
      assert.ok(names.includes(name), name);
    assert.equal(names.includes('usearch'), profile === 'full');
    const licences = readFileSync(join(unpacked, 'LICENCES.txt'), 'utf8');
    for (const { name, version, licenses } of bom.components)
      assert.ok(licences.includes(`${name} ${version}: ${licenses[0].expression}`), name);
  });
}

test('the checksums are those of the files', () => {
  const folder = dirname(releasedProgram('core'));
  const { status, stderr } = spawnSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});

test('two builds are the same', (t) => {
  const outdir = emptyFolder(t);
  const built = run(process.execPath, [join(import.meta.dirname, '../build.ts'), '--outdir', outdir], {
    env: { PATH: process.env.PATH ?? '', HOME: outdir },
    cwd: outdir,
  });
  assert.equal(built.code, 0, built.stderr);
  // The other folder may hold builds for other platforms, and its list of programs names them.
  const sums = (folder: string): readonly string[] =>
    readFileSync(join(folder, 'SHA256SUMS'), 'utf8')
      .split('\n')
      .filter((line) => !/ RELEASE$|-(linux|darwin|win32)-/.test(line));
  assert.deepEqual(sums(outdir), sums(dirname(releasedProgram('core'))));
});
