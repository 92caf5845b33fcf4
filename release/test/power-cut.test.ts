import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TEST_SEED } from '../../test/support/random.ts';
import { describeFile } from '../src/payload.ts';
import type { PowerCuts } from './support/power-cuts.ts';
import { releasedProgram } from './support/released.ts';
import { smallProgram } from './support/small-program.ts';
import { compileTool } from './support/tool.ts';

const isRoot = process.getuid?.() === 0;
const MEMORY = '/dev/shm';

function needs(fileSystem: PowerCuts['fileSystem']): { skip?: string } {
  if (!isRoot || !existsSync('/dev/loop-control')) return { skip: 'SKIPPED: only root can mount an image' };
  return existsSync(`/usr/sbin/mkfs.${fileSystem}`)
    ? {}
    : { skip: `SKIPPED: there is no mkfs.${fileSystem}` };
}

/** In memory where that is to be had: a hundred times a disk is written to. */
function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'hakiri-power-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function cutPower(plan: PowerCuts): number {
  const script = join(import.meta.dirname, 'support/power-cuts.ts');
  const args = ['--mount', '--propagation', 'private', process.execPath, script, JSON.stringify(plan)];
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return Number(stdout);
}

for (const [fileSystem, options, cuts] of [
  ['ext4', 'data=ordered', 30],
  // Names and sizes reach the disk before what is in the files, wherever that is not forced there.
  ['ext4', 'data=writeback,nodelalloc', 30],
  ['xfs', 'defaults', 20],
] as const) {
  test(`power cuts while unpacking, ${fileSystem} with ${options}`, needs(fileSystem), async (t) => {
    const folder = folderFor(t);
    const programs = await Promise.all([1, 2].map((build) => smallProgram(folder, build)));
    const during = cutPower({
      folder,
      cutPower: compileTool('cut-power', folder),
      fileSystem,
      options,
      megabytes: fileSystem === 'xfs' ? 320 : 64,
      programs,
      says: 'build ',
      cuts,
      seed: TEST_SEED,
    });
    t.diagnostic(`${during} of ${cuts} cuts left something unfinished`);
  });
}

test('power cuts while the whole program is unpacked', needs('ext4'), (t) => {
  const folder = folderFor(t);
  const path = releasedProgram('core');
  const { stdout } = spawnSync(path, ['--version', '--json'], { encoding: 'utf8' });
  const { profile, build } = JSON.parse(stdout);
  const unpacked = `${path}-unpacked`;
  const digests = readdirSync(unpacked).map((name) => [name, describeFile(unpacked, name).digest]);
  cutPower({
    folder,
    cutPower: compileTool('cut-power', folder),
    fileSystem: 'ext4',
    options: 'data=ordered',
    megabytes: 700,
    programs: [{ path, name: `${profile}-${build.slice(0, 16)}`, digests: Object.fromEntries(digests) }],
    says: 'USAGE',
    cuts: 3,
    seed: TEST_SEED,
  });
});
