import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RELEASE } from '../../src/paths.ts';
import { type Outcome, run } from './released.ts';

/** A machine whose first process is a real systemd; of this one it shares the network, and files that it cannot change. */
export interface Machine {
  /** Runs a shell's commands in it, as root. */
  sh(commands: string): Outcome;
  /** The same, where they have to succeed; gives what they printed. */
  done(commands: string): string;
}

export const UNITS = join(RELEASE, 'systemd');
const SYSTEMD = '/lib/systemd/systemd';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const BOOTED_MS = 20_000;

/** Why none can be had here; undefined where one can. */
export function noSystemd(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can start a systemd';
  if (!existsSync(SYSTEMD)) return 'systemd is not installed (Debian: systemd)';
  const mount = cgroupMount();
  if (mount === undefined) return 'there is no cgroup2';
  // As a rule in a container.
  const mounts =
    'mount --make-rprivate / && umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup';
  const { status } = spawnSync('unshare', ['--pid', '--fork', '--mount', '--cgroup', 'sh', '-c', mounts]);
  if (status !== 0 || !canMakeGroup(mount)) return 'no machine can be made within this one';
  return undefined;
}

function canMakeGroup(mount: string): boolean {
  try {
    rmdirSync(mkdtempSync(join(mount, 'hakiri-test-')));
    return true;
  } catch {
    return false;
  }
}

function cgroupMount(): string | undefined {
  return readFileSync('/proc/mounts', 'utf8').match(/^\S+ (\S+) cgroup2 /m)?.[1];
}

/** With the program and the units in /run/release; nothing is installed. */
export async function bootSystemd(t: TestContext, program: string): Promise<Machine> {
  const group = mkdtempSync(join(cgroupMount() ?? '', 'hakiri-test-'));
  // To users in it this is the root of all groups.
  chmodSync(group, 0o755);
  const boot = join(import.meta.dirname, 'boot-systemd.sh');
  const namespaces = ['--pid', '--fork', '--mount', '--uts', '--ipc', '--cgroup', '--kill-child'];
  const enter = 'echo 0 > "$0/cgroup.procs" && exec "$@"';
  const child = spawn('/bin/sh', ['-c', enter, group, 'unshare', ...namespaces, 'sh', boot], {
    env: { PATH, PROGRAM: program, UNITS },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  t.after(async () => {
    child.kill('SIGKILL');
    await removeGroup(group);
  });

  const sh = (commands: string): Outcome => {
    const first = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    const words = ['--target', first, '--all', 'sh', '-ec', commands];
    return run('/usr/bin/nsenter', words, { env: { PATH, LANG: 'C.UTF-8' } });
  };
  for (const deadline = performance.now() + BOOTED_MS; ; await sleep(50)) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`no systemd: ${said}`);
    if (sh('systemctl is-system-running').stdout.trim() === 'running') break;
  }
  return {
    sh,
    done(commands) {
      const { code, stdout, stderr } = sh(commands);
      if (code === 0) return stdout;
      const journal = sh('journalctl --no-pager -o cat -n 40 -u "hakiri@*"').stdout;
      throw new Error(`${commands}\nended with ${code}\n${stdout}${stderr}\n${journal}`);
    },
  };
}

/** Of the deepest first: one that holds others cannot be removed. It takes a moment until nobody is in them. */
async function removeGroup(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++, await sleep(50)) {
    const below = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort((a, b) => b.length - a.length);
    try {
      for (const one of [...below, folder]) rmdirSync(one);
      return;
    } catch {}
  }
}

/** What `systemd-analyze` says; undefined where there is none. A user's manager looks for its own files in `home`. */
export function analyze(home: string, ...words: readonly string[]): Outcome | undefined {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return undefined;
  const env = { PATH, LANG: 'C.UTF-8', HOME: home, XDG_RUNTIME_DIR: home };
  return run('/usr/bin/systemd-analyze', [...words], { env });
}
