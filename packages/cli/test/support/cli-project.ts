import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { ProfileName } from './bundle.ts';
import { searchForSecrets } from './canary.ts';
import { emptyFolder } from './harness.ts';
import { programCommand, programEnvironment } from './program.ts';

/** A folder with a manifest in which the real program is run. */
export interface CliProject {
  readonly folder: string;
  /** Of the store: what paths in manifests and views are relative to. */
  readonly context: string;
  writeManifest(toml: string): void;
  /** Writes a file in the folder; rows become a line of JSON each. */
  write(name: string, content: string | readonly unknown[]): void;
  start(...argv: readonly string[]): Started;
  hakiri(...argv: readonly string[]): Promise<Ended>;
  /** A run that has to succeed. */
  run(...argv: readonly string[]): Promise<Report>;
  /** A command that has to fail: its error, as `--json` tells it. */
  failing(...argv: readonly string[]): Promise<Failure>;
  /** The answer to a query, as objects. */
  rows(sql: string): Promise<readonly Row[]>;
  /** Checks of `doctor` that are not ok. */
  complaints(): Promise<readonly Complaint[]>;
}

export type Row = Readonly<Record<string, unknown>>;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface Failure {
  readonly code: number | null;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
  readonly stdout: string;
  readonly stderr: string;
}

export interface Report {
  readonly tables: readonly TableLine[];
  readonly stderr: string;
}

export interface TableLine {
  readonly ref: { readonly pipeline: string; readonly table: string };
  readonly state: string;
  readonly rows: number;
  readonly set_aside: number;
  readonly commits: readonly { readonly rows: number; readonly schema_changes: readonly string[] }[];
}

export interface Complaint {
  readonly name: string;
  readonly state: 'warning' | 'failed';
  readonly message: string;
}

export interface CliOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** As whom the program runs. */
  readonly uid?: number;
  /** What needs no search and no server runs in the core, which does less at each start. */
  readonly profile?: ProfileName;
}

const PROJECT = 'demo';

/** `toml` is the manifest without its `[project]`. */
export function cliProject(t: TestContext, toml = '', options: CliOptions = {}): CliProject {
  const searched = searchForSecrets(t, () => folder);
  const folder = emptyFolder(t);
  const context = join(folder, '.hakiri/context', PROJECT);

  const writeManifest = (body: string): void => {
    writeFileSync(join(folder, 'hakiri.toml'), `[project]\nname = "${PROJECT}"\n\n${body}`);
  };
  writeManifest(toml);

  const write = (name: string, content: string | readonly unknown[]): void => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    const lines = (): string => (content as unknown[]).map((row) => `${JSON.stringify(row)}\n`).join('');
    writeFileSync(path, typeof content === 'string' ? content : lines());
  };

  const start = (...argv: readonly string[]): Started => {
    const env = { ...programEnvironment(folder, options.uid), ...options.env };
    searched.watch(env);
    const { file, args } = programCommand(options.profile ?? 'core');
    const child = spawn(file, [...args, ...argv], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    t.after(() => child.kill('SIGKILL'));
    const exit = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('close', (code, signal) => resolve([code, signal]));
      child.on('error', reject);
    });
    const ended = Promise.all([text(child.stdout), text(child.stderr), exit]).then(
      ([stdout, stderr, [code, signal]]): Ended => {
        searched.sees(stdout + stderr, `what \`hakiri ${argv.join(' ')}\` said`);
        return { code, signal, stdout, stderr };
      },
    );
    return { child, ended };
  };
  const hakiri = (...argv: readonly string[]): Promise<Ended> => start(...argv).ended;

  return {
    folder,
    context,
    writeManifest,
    write,
    start,
    hakiri,
    async run(...argv) {
      const { code, stdout, stderr } = await hakiri('run', ...argv, '--json');
      assert.equal(code, 0, stderr);
      return { tables: JSON.parse(stdout).tables, stderr };
    },
    async failing(...argv) {
      const { code, stdout, stderr } = await hakiri(...argv, '--json');
      assert.notEqual(code, 0, `${argv.join(' ')} was to fail: ${stdout}`);
      const line = stderr.split('\n').find((candidate) => candidate.startsWith('{"error"'));
      assert.ok(line, `no error in: ${stderr}`);
      return { code, error: JSON.parse(line).error, stdout, stderr };
    },
    async rows(sql) {
      const { code, stdout, stderr } = await hakiri('query', sql, '--json');
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout).rows;
    },
    async complaints() {
      const { stdout, stderr } = await hakiri('doctor', '--json');
      assert.notEqual(stdout, '', stderr);
      const { checks } = JSON.parse(stdout) as { checks: (Complaint | { state: 'ok' })[] };
      return checks.filter((check) => check.state !== 'ok');
    },
  };
}

/** Absolute paths of every file below a folder. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The one path below a folder that ends so. */
export function fileBelow(folder: string, ending: string): string {
  const found = filesBelow(folder).filter((path) => path.endsWith(ending));
  assert.equal(found.length, 1, `${ending} in ${folder}: ${found.join(', ')}`);
  return found[0]!;
}
