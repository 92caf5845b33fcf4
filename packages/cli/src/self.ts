import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface SpawnSelfOptions {
  /** Variables the child gets beside the few it needs to run. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags for Node itself, a memory limit for example. */
  readonly nodeFlags?: readonly string[];
  readonly cwd?: string;
}

/** All a child needs to find its way; nothing that could be a secret. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'HAKIRI_SELF', 'HAKIRI_IDLE_TRIM', 'NO_COLOR'];

/**
 * Starts this same program again, mostly with a hidden command. The one place that knows what the executable is:
 * the launcher named by HAKIRI_SELF (a program, or a script for the Node that runs here), the bundle this code runs
 * from, or Node and the entry's source.
 * Standard input, output and error are pipes; what the child writes to standard error is dropped unless the
 * caller listens, and never keeps the program alive.
 */
export function spawnSelf(
  command: string,
  args: readonly string[],
  options: SpawnSelfOptions = {},
): ChildProcess {
  const { file, prefix } = executable(options.nodeFlags ?? []);
  const child = spawn(file, [...prefix, command, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // In a group of its own: a Ctrl-C on the terminal is for the parent, which decides what becomes of its children.
    detached: true,
    env: childEnvironment(options.env ?? {}),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  child.stderr.resume();
  if (child.stderr instanceof Socket) child.stderr.unref();
  return child;
}

function executable(nodeFlags: readonly string[]): { file: string; prefix: readonly string[] } {
  const launcher = process.env.HAKIRI_SELF;
  if (launcher?.endsWith('.cjs')) return { file: process.execPath, prefix: [...nodeFlags, launcher] };
  if (launcher) return { file: launcher, prefix: nodeFlags.length > 0 ? ['__node', ...nodeFlags, '--'] : [] };
  return { file: process.execPath, prefix: [...nodeFlags, entryFile()] };
}

/** In the bundle every module has the bundle's own address. */
function entryFile(): string {
  const fromSource = import.meta.url.endsWith('/self.ts');
  return fileURLToPath(fromSource ? new URL('./entry/full.ts', import.meta.url) : import.meta.url);
}

function childEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), ...extra };
}
