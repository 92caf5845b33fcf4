import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { programCommand, programEnvironment } from './program.ts';

const KILLED_WITHIN_MS = 5000;

/** The program, in that folder. */
export function start(folder: string, ...argv: readonly string[]): ChildProcess {
  const { file, args } = programCommand();
  return spawn(file, [...args, ...argv], {
    cwd: folder,
    env: programEnvironment(folder),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

export interface Lived {
  readonly code: number | null;
  readonly stderr: string;
  readonly elapsedMs: number;
}

/** Runs to its end, or to the kill that `onStderr` or `killAfterMs` brings. */
export async function live(child: ChildProcess, kill: Kill | undefined): Promise<Lived> {
  const started = performance.now();
  let stderr = '';
  let commits = 0;
  const strike = (): void => {
    children = childrenOf(child.pid);
    child.kill('SIGKILL');
  };
  let children: readonly number[] = [];
  const timer = kill?.kind === 'at' ? setTimeout(strike, kill.ms) : undefined;
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    const now = stderr.split(': committed ').length - 1;
    if (kill?.kind === 'near' && commits < kill.commit && now >= kill.commit) setTimeout(strike, kill.ms);
    commits = now;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  for (const pid of children) await assertGone(pid);
  return { code, stderr, elapsedMs: performance.now() - started };
}

/** `at`: so long after the start. `near`: so long after the commit of that number was told. */
export type Kill =
  | { readonly kind: 'at'; readonly ms: number }
  | { readonly kind: 'near'; readonly commit: number; readonly ms: number };

function childrenOf(pid: number | undefined): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** A process that outlived its parent could still write to the store. */
async function assertGone(pid: number): Promise<void> {
  const deadline = performance.now() + KILLED_WITHIN_MS;
  while (isAlive(pid)) {
    assert.ok(performance.now() < deadline, `child ${pid} outlived the process that was killed`);
    await sleep(5);
  }
}

function isAlive(pid: number): boolean {
  try {
    // A zombie is dead; it only waits for whoever adopted it.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
