import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export const ENTRY = join(import.meta.dirname, '../../src/entry/core.ts');

export interface BinaryOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real program, from source or another file, in a process of its own. */
export function runBinary(
  cwd: string,
  argv: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly input?: string; readonly entry?: string } = {},
): BinaryOutcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [options.entry ?? ENTRY, ...argv], {
    cwd,
    encoding: 'utf8',
    input: options.input ?? '',
    env: { PATH: process.env.PATH, HOME: cwd, ...options.env },
    timeout: 30_000,
  });
  return { code: status, stdout, stderr };
}
