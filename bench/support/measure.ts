import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * CPU seconds, user and system, of a command and of every process it started and waited for: what the shell's
 * `times` says of its children.
 */
export function cpuSeconds(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): number {
  const { stdout, stderr, status } = spawnSync(
    '/bin/sh',
    ['-c', '"$@" >/dev/null; code=$?; times; exit $code', 'sh', command, ...args],
    {
      ...options,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    },
  );
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed (${status})\n${stderr}`);
  const children = stdout.trim().split('\n').at(-1) ?? '';
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}

/** Milliseconds from the start of a process to a text on one of its outputs, or to its end. */
export function millisecondsUntil(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; text?: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let seen = '';
    let at: number | undefined;
    const look = (chunk: Buffer): void => {
      seen += chunk.toString();
      if (options.text !== undefined && at === undefined && seen.includes(options.text))
        at = performance.now() - started;
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0 || (options.text !== undefined && at === undefined))
        reject(new Error(`${args.join(' ')} ended with ${code}\n${seen}`));
      else resolve(at ?? performance.now() - started);
    });
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Waits until most of the machine's processors have nothing to do, at most as long (Linux: /proc/stat). */
export async function quietMachine(atMostMs: number): Promise<void> {
  const until = performance.now() + atMostMs;
  let before = processorTimes();
  while (performance.now() < until) {
    await sleep(QUIET_MS);
    const now = processorTimes();
    if (now.idle - before.idle > QUIET_SHARE * (now.all - before.all)) return;
    before = now;
  }
}

const QUIET_MS = 100;
const QUIET_SHARE = 0.7;

function processorTimes(): { readonly idle: number; readonly all: number } {
  const times = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/ +/).slice(1).map(Number);
  // Waiting for a disk is not work, either.
  return { idle: (times[3] ?? 0) + (times[4] ?? 0), all: times.slice(0, 8).reduce((a, b) => a + b, 0) };
}

/** Proportional set size in MB of a process (Linux: /proc/<pid>/smaps_rollup). */
export function pssMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024;
}

/** The process and all below it. */
export function processTree(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // Gone between the listing and the reading.
    }
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) {
    for (const [pid, parent] of parents) if (parent === tree[i]) tree.push(pid);
  }
  return tree;
}
