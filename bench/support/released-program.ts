import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Figures } from '../../release/src/budgets.ts';
import type { ReleaseProfile } from '../../release/src/profile.ts';
import { askAround, writeIssuesProject } from './issues-project.ts';
import { mcpClient } from './mcp-client.ts';
import { median, millisecondsUntil, processTree, quietMachine } from './measure.ts';

export type StartTimes = Pick<Figures, 'first_start_ms' | 'start_ms' | 'unpacked_first_start_ms'>;

/** What does not depend on how fast the machine is. The program's unpacked folder lies beside it. */
export async function measureSizes(
  profile: ReleaseProfile,
  program: string,
): Promise<Omit<Figures, keyof StartTimes>> {
  return {
    compressed_mb: statSync(program).size / MEGABYTE,
    shared_libraries: sharedLibraries(program),
    idle_mb: await inFolder((folder) => idleMegabytes(profile, program, folder)),
  };
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-measured-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const MEGABYTE = 1e6;

/** How many ldd names: none of a static program. */
export function sharedLibraries(program: string): number {
  const { status, stdout, stderr } = spawnSync('ldd', [program], { encoding: 'utf8', env: { LC_ALL: 'C' } });
  if (status !== 0 && /not a dynamic executable/.test(stdout + stderr)) return 0;
  return Math.max(1, stdout.trim().split('\n').length);
}

export interface Starts {
  readonly times: StartTimes;
  /** Node doing nothing, in the same rounds: what the others can be compared with. */
  readonly emptyNodeMs: number;
}

/** A round waits as long for a machine that has nothing else to do. */
const PATIENCE_MS = 2000;

/**
 * Times from the start of a process to its end, medians of as many rounds: what else the machine does for a moment
 * changes nothing.
 */
export function measureStarts(program: string, rounds: number): Promise<Starts> {
  return inFolder(async (folder) => {
    const [node, first, later, unpacked]: readonly [number[], number[], number[], number[]] = [
      [],
      [],
      [],
      [],
    ];
    for (let round = 0; round < rounds; round++) {
      const home = join(folder, `home-${round}`);
      const options = { cwd: folder, env: { HOME: home, TMPDIR: home, XDG_CACHE_HOME: join(home, 'cache') } };
      cpSync(`${program}-unpacked`, join(home, 'unpacked'), { recursive: true });
      await quietMachine(PATIENCE_MS);
      node.push(await millisecondsUntil(process.execPath, ['-e', '0'], options));
      first.push(await millisecondsUntil(program, ['--help'], options));
      later.push(await millisecondsUntil(program, ['--help'], options));
      unpacked.push(await millisecondsUntil(join(home, 'unpacked/hakiri'), ['--help'], options));
      rmSync(home, { recursive: true });
    }
    const times = {
      first_start_ms: median(first),
      start_ms: median(later),
      unpacked_first_start_ms: median(unpacked),
    };
    return { times, emptyNodeMs: median(node) };
  });
}

const ROWS = 1000;

/** Resident memory of everything that stays, after it was used and then left alone. */
async function idleMegabytes(profile: ReleaseProfile, program: string, folder: string): Promise<number> {
  const cwd = join(folder, 'project');
  mkdirSync(cwd);
  writeIssuesProject(cwd, ROWS, { indexed: profile === 'full' });
  const place: Place = { cwd, env: { HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') } };
  const ran = spawnSync(program, ['run'], { ...place, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`the sample cannot be run\n${ran.stderr}`);
  return profile === 'full' ? idleDaemon(program, place) : idleCommand(program, place);
}

interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** What is not needed when idle is given back by then. */
const SETTLED_MS = 12_000;

/** The core has no server: a command that waits for its standard input is as idle as it gets. */
async function idleCommand(program: string, place: Place): Promise<number> {
  const child = spawn(program, ['token', 'inspect'], { ...place, stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    await sleep(SETTLED_MS);
    return residentMegabytes(child);
  } finally {
    await end(child, 'SIGKILL');
  }
}

/** Asked of everything it has; its children are told to go sooner than they would. */
async function idleDaemon(program: string, place: Place): Promise<number> {
  const env = { ...place.env, HAKIRI_IDLE_MS: '1000' };
  const daemon = spawn(program, ['serve', '--port', '0'], {
    ...place,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    await new Promise((resolve, reject) => {
      daemon.stdout.once('data', resolve);
      daemon.once('exit', (code) => reject(new Error(`the daemon ended with ${code}`)));
    });
    const token = readFileSync(join(place.cwd, '.hakiri/keys/serve.token'), 'utf8').trim();
    const client = await mcpClient([program, 'mcp'], {
      ...place,
      env: { ...place.env, HAKIRI_TOKEN: token },
    });
    for (let i = 0; i < 5; i++) await askAround(client, i);
    await client.close();
    await sleep(SETTLED_MS);
    return residentMegabytes(daemon);
  } finally {
    await end(daemon, 'SIGTERM');
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  if (isGone()) return;
  child.kill(signal);
  await once(child, 'exit');
}

/** Of a process and all below it. */
function residentMegabytes({ pid, exitCode }: ChildProcess): number {
  if (pid === undefined || exitCode !== null)
    throw new Error(`what should be idle has ended with ${exitCode}`);
  return processTree(pid).reduce((sum, each) => {
    const status = readFileSync(`/proc/${each}/status`, 'utf8');
    return sum + (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / MEGABYTE;
  }, 0);
}
