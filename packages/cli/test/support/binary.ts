import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { programEnvironment } from './program.ts';

export const ENTRY = join(import.meta.dirname, '../../src/entry/full.ts');

export interface BinaryOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BinaryOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Another file than the source's entry. */
  readonly entry?: string;
  /** Permissions do not hold root back: a test of them runs as somebody else when it is run by root. */
  readonly asNobody?: boolean;
}

const NOBODY = 65_534;

/** The real program, from source or another file, in a process of its own. */
export function runBinary(cwd: string, argv: readonly string[], options: BinaryOptions = {}): BinaryOutcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [options.entry ?? ENTRY, ...argv], {
    cwd,
    encoding: 'utf8',
    input: options.input ?? '',
    env: { ...programEnvironment(cwd), ...options.env },
    timeout: 30_000,
    ...(options.asNobody === true && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  return { code: status, stdout, stderr };
}
