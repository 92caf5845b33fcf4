import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundledProgram, type ProfileName } from './bundle.ts';
import { CANARY } from './canary.ts';

/** How the program is started: a file and what stands before the program's own arguments. */
export interface ProgramCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/** The folder of a release whose programs are tested, instead of what the sources make. */
const RELEASE =
  process.env.HAKIRI_TEST_RELEASE === undefined ? undefined : resolve(process.env.HAKIRI_TEST_RELEASE);

/** What tests start: a released program where HAKIRI_TEST_RELEASE names one, else the program as one file. */
export function programCommand(profile: ProfileName = 'full'): ProgramCommand {
  if (RELEASE === undefined) return { file: process.execPath, args: [bundledProgram(profile)] };
  const file = join(RELEASE, profile === 'full' ? 'hakiri' : 'hakiri-core');
  if (!existsSync(file)) throw new Error(`${file} is not there: npm run release builds it`);
  return { file, args: [] };
}

/** Writes a command for shells that starts the program. */
export function writeProgramShim(path: string): void {
  const { file, args } = programCommand();
  const words = [file, ...args].map((word) => `"${word}"`).join(' ');
  writeFileSync(path, `#!/bin/sh\nexec ${words} "$@"\n`);
  chmodSync(path, 0o755);
}

/**
 * What a program needs of ours: not our secrets, nor our home. What one start compiled or unpacked serves the next of
 * the same user.
 */
export function programEnvironment(home: string, uid?: number): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, HOME: home, ...CANARY };
  if (RELEASE !== undefined) return { ...env, XDG_CACHE_HOME: unpackFolder(uid) };
  return { ...env, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}

/** A released program unpacks only to where its user owns the folder. */
function unpackFolder(uid = process.getuid?.() ?? 0): string {
  const folder = join(sharedFolder(), `unpacked-${uid}`);
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true });
    if (uid !== process.getuid?.()) chownSync(folder, uid, uid);
  }
  return folder;
}

let shared = process.env.HAKIRI_TEST_PROGRAMS;

/** Of all test files that are run together, or of this one alone. */
function sharedFolder(): string {
  if (shared !== undefined) return shared;
  const folder = join(
    import.meta.dirname,
    '../../../../node_modules/.cache/hakiri-test',
    `unpacked-${process.pid}`,
  );
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  shared = folder;
  return folder;
}
