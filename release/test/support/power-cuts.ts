/**
 * `power-cuts.ts JSON`: in a mount namespace of its own, starts programs on a file system that is shut down at random
 * moments of it, as by a power cut; each time the next start has to work with every file whole. Ends with 1 and the seed
 * when one did not. Prints how many cuts came while something was being unpacked.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, seededRandom } from '../../../test/support/random.ts';
import { sha256 } from '../../src/payload.ts';

export interface PowerCuts {
  /** Where the image and its mount point are made. */
  readonly folder: string;
  readonly cutPower: string;
  readonly fileSystem: 'ext4' | 'xfs';
  readonly options: string;
  readonly megabytes: number;
  readonly programs: readonly {
    readonly path: string;
    readonly name: string;
    readonly digests: Readonly<Record<string, string>>;
  }[];
  readonly says: string;
  readonly cuts: number;
  readonly seed: number;
}

const plan: PowerCuts = JSON.parse(process.argv[2] ?? '');
const image = join(plan.folder, `${plan.fileSystem}.image`);
const mountPoint = join(plan.folder, `${plan.fileSystem}.mounted`);
const cache = join(mountPoint, 'hakiri');
const env = { PATH: process.env.PATH ?? '', XDG_CACHE_HOME: mountPoint };

function tool(file: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8', env });
  assert.equal(status, 0, `${file} ${args.join(' ')}: ${stderr}`);
}

function mount(): void {
  tool('mount', '-o', `loop,${plan.options}`, '-t', plan.fileSystem, image, mountPoint);
}

function start(path: string): number {
  const startedAt = performance.now();
  const { status, stdout, stderr } = spawnSync(path, ['--help'], { encoding: 'utf8', env });
  assert.equal(status, 0, stderr);
  assert.ok(stdout.startsWith(plan.says), stdout);
  return performance.now() - startedAt;
}

type Program = PowerCuts['programs'][number];

/** Nothing is there, or another version, or one with a file that someone wrote into. */
function prepare(program: Program, random: Random): string {
  const before = random.pick(['nothing', 'another version', 'a damaged version']);
  if (before !== 'another version') rmSync(cache, { recursive: true, force: true });
  const folder = join(cache, program.name);
  rmSync(folder, { recursive: true, force: true });
  if (before === 'a damaged version') {
    start(program.path);
    const file = join(folder, random.pick(Object.keys(program.digests)));
    const bytes = readFileSync(file);
    bytes.fill(random.below(256), random.below(bytes.length));
    writeFileSync(file, bytes);
  }
  tool('sync', '-f', mountPoint);
  return before;
}

function assertWhole(program: Program): void {
  for (const [name, digest] of Object.entries(program.digests))
    assert.equal(sha256(readFileSync(join(cache, program.name, name))), digest, name);
}

writeFileSync(image, '');
tool('truncate', '-s', `${plan.megabytes}M`, image);
tool(`mkfs.${plan.fileSystem}`, '-q', image);
mkdirSync(mountPoint);
mount();
const [first] = plan.programs;
const wholeMs = start(first?.path ?? '');
const random = seededRandom(plan.seed);
let during = 0;
for (let i = 0; i < plan.cuts; i++) {
  const program = random.pick(plan.programs);
  const before = prepare(program, random);
  // When it has just ended, most is at stake.
  const moment = random.chance(0.3) ? 'end' : String(Math.round(random.next() * wholeMs * 1500));
  try {
    tool(plan.cutPower, mountPoint, moment, program.path);
    tool('umount', mountPoint);
    mount();
    if (existsSync(cache) && readdirSync(cache).includes('.unfinished')) during++;
    start(program.path);
    assertWhole(program);
  } catch (error) {
    const cut = `cut ${i + 1} of ${plan.fileSystem} (${plan.options}) at ${moment} µs, with ${before}`;
    process.stderr.write(
      `${cut}, HAKIRI_SEED=${plan.seed}: ${error instanceof Error ? error.message : error}\n`,
    );
    process.exitCode = 1;
    break;
  }
}
tool('umount', mountPoint);
process.stdout.write(`${during}\n`);
