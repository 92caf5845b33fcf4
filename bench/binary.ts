import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingTools } from '../release/src/tools.ts';
import { median, millisecondsUntil } from './support/measure.ts';
import { type Bar, limitBar, type Scale } from './support/report.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const DIST = join(ROOT, 'dist/release');

interface Budget {
  readonly name: string;
  readonly program: string;
  readonly megabytes: number;
  readonly idleMegabytes: number;
  /** A command that has started and waits. */
  readonly idle: readonly string[];
}

const BUDGETS: readonly Budget[] = [
  // The core has no server: a command that waits for its standard input is as idle as it gets.
  { name: 'core', program: 'hakiri-core', megabytes: 50, idleMegabytes: 60, idle: ['token', 'inspect'] },
  { name: 'full', program: 'hakiri', megabytes: 150, idleMegabytes: 180, idle: ['serve', '--port', '0'] },
];

/** The released programs; times are from the start of the process to its end, the reference is Node doing nothing. */
export async function binary(scale: Scale): Promise<readonly Bar[]> {
  const missing = missingTools();
  if (missing.length > 0) {
    process.stderr.write(`SKIPPED binary: nothing can be built or measured without ${missing.join(', ')}\n`);
    return [];
  }
  const built = spawnSync(process.execPath, [join(ROOT, 'release/build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the release cannot be built\n${built.stderr}`);
  const bars: Bar[] = [];
  for (const budget of BUDGETS) bars.push(...(await measure(budget, scale === 'full' ? 15 : 5)));
  return bars;
}

async function measure(budget: Budget, rounds: number): Promise<readonly Bar[]> {
  const program = join(DIST, budget.program);
  const bar = (metric: string, ours: number, limit: number, reference: number | null = null) =>
    limitBar('binary', `${budget.name}, ${metric}`, ours, limit, reference);
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-binary-'));
  const [node, first, later, unpacked]: readonly [number[], number[], number[], number[]] = [[], [], [], []];
  try {
    for (let round = 0; round < rounds; round++) {
      const home = join(folder, String(round));
      const options = { cwd: folder, env: { HOME: home, TMPDIR: home, XDG_CACHE_HOME: join(home, 'cache') } };
      cpSync(`${program}-unpacked`, join(home, 'unpacked'), { recursive: true });
      node.push(await millisecondsUntil(process.execPath, ['-e', '0'], options));
      first.push(await millisecondsUntil(program, ['--help'], options));
      later.push(await millisecondsUntil(program, ['--help'], options));
      unpacked.push(await millisecondsUntil(join(home, 'unpacked/hakiri'), ['--help'], options));
      rmSync(home, { recursive: true });
    }
    const emptyNode = median(node);
    return [
      bar('MB to download', statSync(program).size / 1e6, budget.megabytes),
      bar('MB resident, idle', await idleMegabytes(program, budget.idle, folder), budget.idleMegabytes),
      bar('ms, --help, the very first start (reference: empty Node)', median(first), 500, emptyNode),
      bar('ms, --help (reference: empty Node)', median(later), 200, emptyNode),
      bar('ms, --help, first start unpacked (reference: empty Node)', median(unpacked), 200, emptyNode),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is not needed when idle is given back by then. */
const SETTLED_MS = 12_000;

/** Of the process that stays, after it has run the sample and then waited for a while. */
async function idleMegabytes(program: string, command: readonly string[], folder: string): Promise<number> {
  const options = { cwd: folder, env: { HOME: folder } };
  const ran = spawnSync(program, ['run', 'github-issues'], { ...options, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`the sample cannot be run\n${ran.stderr}`);
  const child = spawn(program, command, { ...options, stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    await sleep(SETTLED_MS);
    return residentMegabytes(child);
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

function residentMegabytes({ pid, exitCode }: ChildProcess): number {
  if (exitCode !== null) throw new Error(`what should be idle has ended with ${exitCode}`);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6;
}
