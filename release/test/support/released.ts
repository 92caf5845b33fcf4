import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { DIST } from '../../src/paths.ts';
import { programName, type ReleaseProfile } from '../../src/profile.ts';

/** What `npm run release` built, here or in HAKIRI_TEST_RELEASE; `npm run test:release` builds it first. */
export function releasedProgram(profile: ReleaseProfile): string {
  return join(process.env.HAKIRI_TEST_RELEASE ?? DIST, programName(profile));
}

export function emptyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-release-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program with nothing in its environment but what is given. */
export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly input?: string;
    /** How long it may take, in milliseconds. */
    readonly timeout?: number;
  } = {},
): Outcome {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: options.timeout ?? 60_000,
    env: options.env ?? {},
    input: options.input ?? '',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  return { code: status, stdout, stderr };
}

const isRoot = process.getuid?.() === 0;

/** For tests that mount, change owners or change the root folder: `test(name, needsRoot, ...)`. */
export const needsRoot = isRoot ? {} : { skip: 'SKIPPED: only root can set this up' };

/** Runs a shell's commands where what they mount is seen by nobody else. */
export function runWithMounts(commands: string, env: Readonly<Record<string, string>> = {}): Outcome {
  const path = '/usr/sbin:/usr/bin:/sbin:/bin';
  return run('/usr/bin/unshare', ['--mount', '/bin/sh', '-ec', commands], { env: { PATH: path, ...env } });
}
