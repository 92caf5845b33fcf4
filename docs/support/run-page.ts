import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { programEnvironment, writeProgramShim } from '../../packages/cli/test/support/program.ts';
import type { Step } from './parse-page.ts';

type Command = Extract<Step, { kind: 'command' }>;

export interface Ran {
  readonly command: Command;
  readonly output: string;
  readonly exitCode: number;
}

export interface Place {
  /** The page's own folder, where its files are written and its first command runs. */
  readonly folder: string;
  /** `hakiri`, `duckdb` and `sqlite3`. */
  readonly bin: string;
  readonly home: string;
  remove(): void;
}

/** An empty folder `demo`, an empty home, and the commands that the pages use. */
export function makePlace(): Place {
  const parent = mkdtempSync(join(tmpdir(), 'hakiri-guide-'));
  const [folder, bin, home] = ['demo', 'bin', 'home'].map((name) => join(parent, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [folder, bin, home]) mkdirSync(path);
  writeProgramShim(join(bin, 'hakiri'));
  shim(join(bin, 'duckdb'), join(import.meta.dirname, 'duckdb.ts'));
  shim(join(bin, 'sqlite3'), join(import.meta.dirname, 'sqlite3.ts'));
  return { folder, bin, home, remove: () => rmSync(parent, { recursive: true, force: true }) };
}

function shim(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" --no-warnings "${script}" "$@"\n`);
  chmodSync(path, 0o755);
}

/** What stands on a page, and what stands for it while the test runs. */
export type Substitutions = readonly (readonly [onPage: string, inTest: string])[];

/**
 * Runs a page from top to bottom in one bash, so that `cd`, `export` and `$?` mean what they mean to a reader.
 * Files are written where they stand between the commands.
 */
export async function runPage(
  steps: readonly Step[],
  place: Place,
  substitutions: Substitutions,
): Promise<readonly Ran[]> {
  const toTest = (text: string) =>
    substitutions.reduce((so, [page, test]) => so.replaceAll(page, test), text);
  const toPage = (text: string) =>
    substitutions.reduce((so, [page, test]) => so.replaceAll(test, page), text);
  const work = mkdtempSync(join(tmpdir(), 'hakiri-guide-run-'));
  try {
    const script = steps.map((step, i) => scriptOf(step, i, { work, folder: place.folder, toTest })).join('');
    await bash(script, place);
    return steps.flatMap((command, i) => {
      if (command.kind !== 'command') return [];
      const output = toPage(readFileSync(join(work, `${i}.out`), 'utf8'));
      return [{ command, output, exitCode: Number(readFileSync(join(work, `${i}.code`), 'utf8')) }];
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function scriptOf(
  step: Step,
  index: number,
  { work, folder, toTest }: { work: string; folder: string; toTest: (text: string) => string },
): string {
  if (step.kind === 'fragment') return '';
  if (step.kind === 'file') {
    writeFileSync(join(work, `${index}.file`), toTest(step.content));
    const path = join(folder, step.path);
    return `mkdir -p '${dirname(path)}'; cp '${work}/${index}.file' '${path}'\n`;
  }
  return `(exit $code)\n{\n${toTest(step.text)}\n} >'${work}/${index}.out' 2>&1 </dev/null\ncode=$?; echo $code >'${work}/${index}.code'\n`;
}

/** Longer than any page takes. */
const PAGE_MS = 180_000;

async function bash(script: string, { folder, bin, home }: Place): Promise<void> {
  const child = spawn('bash', ['-c', `code=0\n${script}`], {
    cwd: folder,
    env: { ...programEnvironment(home), PATH: `${bin}:${process.env.PATH}`, LANG: 'C.UTF-8', TZ: 'UTC' },
    stdio: 'inherit',
    // In a group of its own: what a page leaves running ends with it.
    detached: true,
  });
  const endAll = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // Nothing of it is left.
    }
  };
  const overrun = setTimeout(endAll, PAGE_MS);
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
  clearTimeout(overrun);
  endAll();
}
