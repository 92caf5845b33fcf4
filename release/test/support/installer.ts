import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { sha256 } from '../../src/payload.ts';
import { emptyFolder, type Outcome } from './released.ts';
import { INSTALLER } from './sample-release.ts';

export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The shells that `sh` may be; those that are not installed are said. */
export const SHELLS: readonly (readonly string[])[] = [['dash'], ['bash'], ['busybox', 'sh']].filter(
  ([name = '']) => {
    const found = whereIs(name) !== undefined;
    if (!found) process.stderr.write(`SKIPPED: install.sh in ${name}, which is not installed\n`);
    return found;
  },
);

export function whereIs(tool: string): string | undefined {
  const folder = SYSTEM_PATH.split(':').find((one) => existsSync(join(one, tool)));
  return folder === undefined ? undefined : join(folder, tool);
}

/** A home of its own, in which install.sh is run. */
export interface Home {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of the program that is installed as a rule. */
  readonly program: string;
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** The lines of the record without their header. */
  record(): readonly string[];
  /** SHA-256 of what is installed; undefined where nothing is. */
  installed(): string | undefined;
  /** Everything below the home that is no folder, relative to it, in order. */
  files(): readonly string[];
}

export interface RunOptions {
  readonly shell?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The script; as a rule that of the repository. */
  readonly script?: string;
  readonly input?: string | Buffer;
  readonly cwd?: string;
  readonly uid?: number;
}

export function emptyHome(t: TestContext): Home {
  const folder = emptyFolder(t);
  const program = join(folder, '.local/bin/hakiri');
  const env = { HOME: folder, PATH: `${join(folder, '.local/bin')}:${SYSTEM_PATH}`, TMPDIR: folder };
  const record = join(folder, '.local/share/hakiri/install');
  return {
    folder,
    env,
    program,
    run: async (args, { shell = ['sh'], script = INSTALLER, input = '', ...options } = {}) => {
      const [file = '', ...words] = [...shell, script, ...args];
      const child = spawn(file, words, { cwd: folder, ...options, env: { ...env, ...options.env } });
      // One that ends early does not read it.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      const [stdout, stderr] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ]);
      return { code: child.exitCode, stdout, stderr };
    },
    record: () => (existsSync(record) ? readFileSync(record, 'utf8').trimEnd().split('\n').slice(1) : []),
    installed: () => (existsSync(program) ? sha256(readFileSync(program)) : undefined),
    files: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .sort(),
  };
}

const TOOLS = [
  ...['cat', 'chmod', 'cp', 'cut', 'date', 'dd', 'df', 'dirname', 'expr', 'flock', 'grep', 'id', 'ls'],
  ...['mkdir', 'mv', 'rm', 'rmdir', 'sed', 'sh', 'sleep', 'sort', 'sync', 'uname'],
];

/** Every tool that busybox has too, for {@link pathWith}. */
export function busyboxTools(): readonly string[] {
  const applets = new Set(spawnSync('busybox', ['--list'], { encoding: 'utf8' }).stdout.split('\n'));
  return TOOLS.filter((tool) => applets.has(tool)).map((tool) => `${tool}=busybox`);
}

/** A PATH with what install.sh always needs and the given tools (`name` or `name=program`), and no other. */
export function pathWith(t: TestContext, ...tools: readonly string[]): string {
  const folder = emptyFolder(t);
  for (const tool of [...TOOLS, ...tools]) {
    const [name = '', as = name] = tool.split('=');
    rmSync(join(folder, name), { force: true });
    symlinkSync(whereIs(as) ?? '/nothing', join(folder, name));
  }
  return folder;
}

/** A PATH in which `tool` is the script given, and everything else is as it was. */
export function pathWithShim(t: TestContext, tool: string, script: string): string {
  const folder = join(emptyFolder(t), 'bin');
  mkdirSync(folder);
  writeFileSync(join(folder, tool), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return `${folder}:${SYSTEM_PATH}`;
}

/** Runs a command that has to work. */
export function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}
