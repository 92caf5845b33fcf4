import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askAround, writeIssuesProject } from './support/issues-project.ts';
import { mcpClient } from './support/mcp-client.ts';
import { median, processTree, pssMb } from './support/measure.ts';
import { type Bar, limitBar, type Scale } from './support/report.ts';

const BUNDLE = new URL('../dist/hakiri.mjs', import.meta.url).pathname;
const EMPTY = new URL('support/empty-tool.ts', import.meta.url).pathname;
const ROWS = { small: 5000, full: 100_000 };
const CALLS = { small: 300, full: 3000 };
const WARM_UP = 100;
/** Children go before the minute is over in which nobody asks. */
const IDLE_MS = { small: 3000, full: 60_000 };

/** One call over stdio beside a call of a tool that does nothing; what a daemon keeps when nobody asks. */
export async function mcp(scale: Scale): Promise<readonly Bar[]> {
  const cwd = mkdtempSync(join(tmpdir(), 'hakiri-mcp-'));
  const env = { PATH: process.env.PATH, HOME: cwd };
  try {
    writeIssuesProject(cwd, ROWS[scale], { indexed: true });
    const ran = spawnSync(process.execPath, [BUNDLE, 'run'], { cwd, env, encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(ran.stderr);
    return [...(await calls(scale, { cwd, env })), ...(await idle(scale, { cwd, env }))];
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Alone, and through a daemon; turn by turn with the empty tool, so that the machine's mood hits all alike. */
async function calls(scale: Scale, place: Place): Promise<readonly Bar[]> {
  const empty = await mcpClient([process.execPath, EMPTY], place);
  const alone = await mcpClient([process.execPath, BUNDLE, 'mcp'], place);
  const key = (i: number): object => ({
    table: 'issues',
    keys: [[1_000_000_000 + ((i * 7919) % ROWS[scale])]],
  });
  const times = { empty: [] as number[], alone: [] as number[] };
  for (let i = 0; i < WARM_UP + CALLS[scale]; i++) {
    const [nothing, row] = [await empty.time('empty', {}), await alone.time('context_get', key(i))];
    if (i < WARM_UP) continue;
    times.empty.push(nothing);
    times.alone.push(row);
  }
  await Promise.all([empty.close(), alone.close()]);
  const [nothing, row] = [median(times.empty), median(times.alone)];
  return [
    limitBar(
      'mcp',
      'ms p50, context_get over stdio above an empty tool (reference: that tool)',
      row - nothing,
      1,
      nothing,
    ),
  ];
}

/** Asked of everything it has, then left alone. */
async function idle(scale: Scale, { cwd, env }: Place): Promise<readonly Bar[]> {
  const daemon = spawn(process.execPath, [BUNDLE, 'serve', '--port', '0'], {
    cwd,
    env: { ...env, ...(scale === 'small' ? { HAKIRI_IDLE_MS: '1500' } : {}) },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    await new Promise((resolve, reject) => {
      daemon.stdout.once('data', resolve);
      daemon.once('exit', (code) => reject(new Error(`the daemon ended with ${code}`)));
    });
    const client = await mcpClient([process.execPath, BUNDLE, 'mcp'], { cwd, env });
    for (let i = 0; i < 20; i++) await askAround(client, i);
    await client.close();
    const busy = treeMb(daemon.pid!);
    await sleep(IDLE_MS[scale]);
    return [
      limitBar(
        'mcp',
        'MB, whole tree of an idle daemon (reference: right after its last answer)',
        treeMb(daemon.pid!),
        180,
        busy,
      ),
    ];
  } finally {
    const gone = new Promise((resolve) => daemon.once('close', resolve));
    daemon.kill('SIGTERM');
    await gone;
  }
}

function treeMb(root: number): number {
  return processTree(root).reduce((sum, pid) => {
    try {
      return sum + pssMb(pid);
    } catch {
      // Gone meanwhile.
      return sum;
    }
  }, 0);
}
